import type { ClientMetadata, MaybePromise } from "../index.js";
import { sha256 } from "../platform.js";
import type { FakeClient, Settings } from "./fake-auth-server-options.js";
import { supportedGrantTypes } from "./grant-types.js";

/** A client with the members that decide what it may do, and without its secret. */
export interface KnownClient extends ClientMetadata {
  readonly client_id: string;
  readonly redirect_uris: readonly string[];
  readonly token_endpoint_auth_method: string;
  readonly grant_types: readonly string[];
  /** SHA-256 of the secret. */
  readonly secretHash?: MaybePromise<string> | undefined;
}

export interface Clients {
  add(client: KnownClient): void;
  forget(clientId: string): boolean;
  /** Registered clients, and those that a Client ID Metadata Document describes. */
  find(clientId: string): Promise<KnownClient | undefined>;
  /** The public keys that a client signs with, as JWKs. */
  keysOf(client: KnownClient): readonly object[];
}

export function createClients(settings: Settings): Clients {
  const clients = new Map<string, KnownClient>();
  for (const client of settings.clients ?? []) clients.set(client.client_id, toKnownClient(settings, client));

  async function find(clientId: string): Promise<KnownClient | undefined> {
    return clients.get(clientId) ?? (await findMetadataDocument(clientId, settings));
  }

  return {
    add: (client) => void clients.set(client.client_id, client),
    forget: (clientId) => clients.delete(clientId),
    find,
    keysOf({ jwks }) {
      const keys = (jwks as { readonly keys?: unknown } | undefined)?.keys;
      return Array.isArray(keys) ? (keys as readonly object[]) : [];
    },
  };
}

function toKnownClient(settings: Settings, { client_secret: secret, ...metadata }: FakeClient): KnownClient {
  const jwks = metadata["jwks"];
  return {
    redirect_uris: [],
    grant_types: supportedGrantTypes(settings),
    token_endpoint_auth_method:
      secret !== undefined ? "client_secret_basic" : jwks !== undefined ? "private_key_jwt" : "none",
    ...metadata,
    secretHash: secret === undefined ? undefined : sha256(secret),
  };
}

/** Whether a redirect URI is the registered one; the port of a loopback address may differ (RFC 8252 §7.3). */
export function isRegisteredRedirectUri(uri: string, client: KnownClient, anyLoopbackPort: boolean): boolean {
  return client.redirect_uris.some(
    (registered) => registered === uri || (anyLoopbackPort && withoutPort(registered) === (withoutPort(uri) ?? "")),
  );
}

function withoutPort(uri: string): string | undefined {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.protocol !== "http:" || (url.hostname !== "127.0.0.1" && url.hostname !== "[::1]")) return undefined;
  url.port = "";
  return url.href;
}

/** OAuth Client ID Metadata Document §3 and §4. */
async function findMetadataDocument(clientId: string, settings: Settings): Promise<KnownClient | undefined> {
  const url = URL.canParse(clientId) ? new URL(clientId) : undefined;
  if (
    url?.protocol !== "https:" ||
    url.pathname === "/" ||
    url.href !== clientId ||
    url.hash !== "" ||
    url.username !== ""
  ) {
    return undefined;
  }
  const document = await settings.clientIdMetadataDocuments?.(clientId);
  if (document === undefined) return undefined;
  const { client_name: name, redirect_uris: redirectUris, token_endpoint_auth_method: method = "none" } = document;
  const usable =
    document["client_id"] === clientId &&
    name !== undefined &&
    redirectUris !== undefined &&
    method === "none" &&
    !("client_secret" in document);
  if (!usable) return undefined;
  return {
    grant_types: ["authorization_code"],
    ...document,
    client_id: clientId,
    redirect_uris: redirectUris,
    token_endpoint_auth_method: method,
  };
}
