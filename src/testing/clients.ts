import type { FakeClient, Settings } from "./fake-auth-server-options.js";
import { OAuthRefusal } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { parameterOf } from "./received-request.js";

/** A client with the members that decide what it may do. */
export interface KnownClient extends FakeClient {
  readonly redirect_uris: readonly string[];
  readonly token_endpoint_auth_method: string;
  readonly grant_types: readonly string[];
}

export interface Clients {
  add(client: KnownClient): void;
  forget(clientId: string): boolean;
  /** Registered clients, and those that a Client ID Metadata Document describes. */
  find(clientId: string): Promise<KnownClient | undefined>;
  /** The client that sent a request to the token or revocation endpoint (RFC 6749 §2.3). */
  authenticate(received: ReceivedRequest): Promise<KnownClient>;
}

export function createClients(settings: Settings): Clients {
  const clients = new Map<string, KnownClient>();
  for (const client of settings.clients ?? []) {
    clients.set(client.client_id, {
      redirect_uris: [],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: client.client_secret === undefined ? "none" : "client_secret_basic",
      ...client,
    });
  }

  async function find(clientId: string): Promise<KnownClient | undefined> {
    return clients.get(clientId) ?? (await findMetadataDocument(clientId, settings));
  }

  return {
    add: (client) => void clients.set(client.client_id, client),
    forget: (clientId) => clients.delete(clientId),
    find,
    async authenticate(received) {
      const credentials = credentialsOf(received);
      const client = await find(credentials.clientId);
      const problem =
        client === undefined
          ? "the client is not known here"
          : client.token_endpoint_auth_method !== credentials.method
            ? `the client is registered for ${client.token_endpoint_auth_method} and used ${credentials.method}`
            : credentials.method !== "none" && client.client_secret !== credentials.secret
              ? "the client secret is wrong"
              : undefined;
      if (client === undefined || problem !== undefined) throw invalidClient(received, problem ?? "");
      return client;
    },
  };
}

interface Credentials {
  readonly clientId: string;
  readonly method: string;
  readonly secret?: string | undefined;
}

function credentialsOf(received: ReceivedRequest): Credentials {
  const clientId = parameterOf(received.form, "client_id");
  const secret = parameterOf(received.form, "client_secret");
  const authorization = received.request.headers.get("authorization");
  if (authorization === null) {
    if (clientId === undefined) throw invalidClient(received, "there is no client authentication");
    return secret === undefined ? { clientId, method: "none" } : { clientId, method: "client_secret_post", secret };
  }
  if (secret !== undefined) {
    throw new OAuthRefusal(400, "invalid_request", "the client authenticates in more than one way");
  }
  const basic = parseBasic(authorization);
  if (basic === undefined) throw invalidClient(received, "the Authorization header cannot be read");
  if (clientId !== undefined && clientId !== basic.clientId) {
    throw new OAuthRefusal(400, "invalid_request", 'the "client_id" is not the one of the Authorization header');
  }
  return { ...basic, method: "client_secret_basic" };
}

/** Id and secret are form-encoded before they are joined (RFC 6749 §2.3.1). */
function parseBasic(header: string): { clientId: string; secret: string } | undefined {
  const [, encoded = ""] = /^basic +([\w+/=]+)$/i.exec(header) ?? [];
  try {
    const decoded = new TextDecoder().decode(Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)));
    const [clientId, secret] = decoded.split(/:([^]*)/, 2).map((part) => decodeURIComponent(part.replaceAll("+", " ")));
    return clientId === undefined || secret === undefined ? undefined : { clientId, secret };
  } catch {
    return undefined;
  }
}

/** RFC 6749 §5.2: 401, and a challenge for clients that used the header. */
function invalidClient({ request }: ReceivedRequest, description: string): OAuthRefusal {
  const usedHeader = request.headers.has("authorization");
  return new OAuthRefusal(
    401,
    "invalid_client",
    description,
    usedHeader ? { "www-authenticate": 'Basic realm="token"' } : {},
  );
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
