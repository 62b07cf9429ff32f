import type { ClientMetadata, MaybePromise } from "../index.js";
import { sha256 } from "../platform.js";
import { fetchMetadataDocument } from "./client-id-metadata-document.js";
import type { FakeClient, Settings } from "./fake-auth-server-options.js";
import { fetchJson } from "./fetch-json.js";
import { supportedGrantTypes } from "./grant-types.js";
import type { Persistence } from "./persistence.js";

/** A client with the members that decide what it may do. */
export interface KnownClient extends ClientMetadata {
  readonly client_id: string;
  readonly redirect_uris: readonly string[];
  readonly token_endpoint_auth_method: string;
  readonly grant_types: readonly string[];
}

/** What a client has to know, as SHA-256. */
export interface ClientHashes {
  readonly secret?: MaybePromise<string> | undefined;
  readonly registrationToken?: MaybePromise<string> | undefined;
}

export interface RegisteredClient {
  readonly client: KnownClient;
  readonly hashes: ClientHashes;
}

/** The clients of a server: those it started with, those that registered, and those that a document describes. */
export interface Clients {
  /** Adds a client that registered, or replaces it. */
  put(client: KnownClient, hashes: ClientHashes): Promise<void>;
  /** Whether there was such a client, as far as is known without asking the store. */
  forget(clientId: string): boolean;
  find(clientId: string): Promise<KnownClient | undefined>;
  /** A client that the server was told of, with the hashes of its secrets. */
  findRegistered(clientId: string): Promise<RegisteredClient | undefined>;
  /** The public keys that a client signs with, as JWKs. */
  keysOf(client: KnownClient): Promise<readonly object[]>;
}

const keyOf = (clientId: string): string => `client:${clientId}`;

export function createClients(settings: Settings, persistence: Persistence): Clients {
  const entries = new Map<string, RegisteredClient>();
  for (const { client_secret: secret, ...client } of settings.clients ?? []) {
    entries.set(client.client_id, {
      client: withDefaults(settings, client, secret !== undefined),
      hashes: { secret: secret === undefined ? undefined : sha256(secret) },
    });
  }

  async function findRegistered(clientId: string): Promise<RegisteredClient | undefined> {
    const known = entries.get(clientId);
    if (known !== undefined) return known;
    const stored = (await persistence.load(keyOf(clientId))) as RegisteredClient | undefined;
    if (stored !== undefined) entries.set(clientId, stored);
    return stored;
  }

  return {
    async put(client, { secret, registrationToken }) {
      const hashes = { secret: await secret, registrationToken: await registrationToken };
      entries.set(client.client_id, { client, hashes });
      persistence.save(keyOf(client.client_id), { client, hashes });
    },
    forget(clientId) {
      persistence.save(keyOf(clientId), undefined);
      return entries.delete(clientId);
    },
    find: async (clientId) =>
      (await findRegistered(clientId))?.client ?? (await fetchMetadataDocument(clientId, settings)),
    findRegistered,
    async keysOf({ jwks, jwks_uri: uri }) {
      const keySet = typeof uri === "string" ? await fetchJson(settings.fetch, uri) : jwks;
      const keys = (keySet as { readonly keys?: unknown } | undefined)?.keys;
      return Array.isArray(keys) ? (keys as readonly object[]) : [];
    },
  };
}

function withDefaults(
  settings: Settings,
  client: ClientMetadata & Pick<FakeClient, "client_id">,
  hasSecret: boolean,
): KnownClient {
  const signs = client["jwks"] !== undefined || client["jwks_uri"] !== undefined;
  return {
    redirect_uris: [],
    grant_types: supportedGrantTypes(settings),
    token_endpoint_auth_method: hasSecret ? "client_secret_basic" : signs ? "private_key_jwt" : "none",
    ...client,
  };
}
