import { isAuthError } from "../errors.js";
import { inTime } from "../platform.js";
import type {
  AuthorizationServerMetadata,
  ClientRegistration,
  IgnoredRecord,
  MaybePromise,
  PendingAuthorization,
  ProtectedResourceMetadata,
  TokenSet,
} from "../types.js";
import type { KVStore, RegistrationKey, TokenKey } from "./kv-store.js";
import { isTextList } from "../wire/documents.js";
import { canonicalServerUrl, isHttp, parseServerUrl, parseUrl } from "../wire/url-policy.js";
import { publicKey } from "../wire/public-key.js";
import { storeError } from "./store-error.js";

/** What an MCP server last published about itself. */
export interface ServerRecord {
  readonly resourceMetadataUrl: string;
  readonly protectedResource: ProtectedResourceMetadata;
  readonly fetchedAt: number;
}

/** What an issuer last published; shared by all of its MCP servers. */
export interface IssuerRecord {
  readonly authorizationServer: AuthorizationServerMetadata;
  readonly fetchedAt: number;
}

/** What all processes have to know about the refreshing of one token record. Holds no secret. */
export interface StateRecord {
  /** SHA-256 of the refresh token that was refused for good: it is not tried again. */
  readonly refusedRefresh?: string;
  /** SHA-256 of the access token that the MCP server refused last. */
  readonly refusedAccess?: string;
  /** How many access tokens in a row were refused while they were fresh. */
  readonly refusals?: number;
  /** How many token requests in a row decided nothing. */
  readonly failures?: number;
  /** The last refusal of a kind that has to come twice to be believed: status and error. */
  readonly doubt?: string;
  /** When it came first. */
  readonly doubtedAt?: number;
  /** Milliseconds since the epoch before which no token is asked for. */
  readonly retryAt?: number;
  /** There while a token request is under way, and as long as the token record: what takes this takes its answer too. */
  readonly refreshing?: string | undefined;
}

/** Everything that is stored, by kind. */
export interface Records {
  readonly tokens: TokenSet;
  readonly state: StateRecord;
  readonly client: ClientRegistration;
  readonly pending: PendingAuthorization;
  readonly server: ServerRecord;
  readonly issuer: IssuerRecord;
}
export type RecordKind = keyof Records;

// a lone surrogate, which has no encoding, becomes what URL makes of it
const part = (text: string): string => encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd"));
const whose = ({ serverUrl, subject, grant = "user" }: TokenKey): string =>
  `${part(canonicalServerUrl(parseServerUrl(serverUrl)))}:${part(grant)}:${subject == null ? "-" : `=${part(subject)}`}`;

/** Keys of the records: a promise to every version that shares a store with this one. */
export const recordKeys = {
  tokens: (key: TokenKey): string => `v1:tokens:${whose(key)}`,
  state: (key: TokenKey): string => `v1:state:${whose(key)}`,
  client: ({ issuer, redirectUri }: RegistrationKey): string =>
    `v1:client:${part(issuer)}:${part(withoutLoopbackPort(redirectUri))}`,
  pending: (state: string): string => `v1:pending:${part(state)}`,
  server: (serverUrl: string): string => `v1:server:${part(serverUrl)}`,
  issuer: (issuer: string): string => `v1:issuer:${part(issuer)}`,
};

/** A client registered with one loopback port is found again from another: RFC 8252 §7.3. */
export function withoutLoopbackPort(redirectUri: string): string {
  return redirectUri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)):\d+(?=[/?#]|$)/i, "$1");
}

const OPTIONAL = /ubject|refresh|cope/;

/** The members whose type is relied on: strings, URLs and lists of strings. Those that are {@link OPTIONAL} may be absent. */
function checkedMembers(kind: RecordKind): readonly string[] {
  const client = "issuer clientId tokenEndpointAuthMethod redirectUris";
  const registration = client.replace(/\w+/g, "registration.$&");
  const members: Readonly<Record<RecordKind, string>> = {
    client,
    // its members may all be absent; whoever reads one does not trust its type
    state: "",
    tokens: `accessToken tokenType issuer tokenEndpoint resource refreshToken scope requestedScope ${registration}`,
    pending: `state codeVerifier redirectUri resource subject scope server.serverUrl server.issuer server.authorizationServer.token_endpoint ${registration}`,
    server: "resourceMetadataUrl protectedResource.resource protectedResource.scopes_supported",
    issuer: "authorizationServer.issuer authorizationServer.token_endpoint",
  };
  return members[kind].split(" ").filter(Boolean);
}

/** Names the first member that cannot be used. */
function findProblem(kind: RecordKind, record: unknown): string | undefined {
  const unusable = checkedMembers(kind).find((path) => {
    let member = record;
    for (const name of path.split("."))
      member = (member as Readonly<Record<string, unknown>> | null | undefined)?.[name];
    // absent, for which a table has null
    if (member == null && OPTIONAL.test(path)) return false;
    if (/Uris|_supported/.test(path)) return !isTextList(member);
    return typeof member !== "string" || (/(Url|ndpoint)$/.test(path) && !isHttp(parseUrl(member)));
  });
  return unusable && `it has no usable ${JSON.stringify(unusable)}`;
}

/** Puts a record into the envelope that every version can tell apart. */
export const encodeRecord = (data: unknown): string => JSON.stringify({ v: 1, data });

type OnIgnored = ((record: IgnoredRecord) => void) | undefined;

/** Looks at a record from a store of the host's own; one that lacks what it needs is a miss that is reported. */
export function checkRecord<K extends RecordKind>(
  kind: K,
  key: string,
  record: unknown,
  onIgnored: OnIgnored,
  reason = findProblem(kind, record),
): Records[K] | undefined {
  if (reason === undefined) return record as Records[K];
  onIgnored?.({ key: publicKey(key), reason });
  return undefined;
}

/** Reads a stored value; whatever is not a record of this kind and version is a miss that is reported. */
export function decodeRecord<K extends RecordKind>(
  kind: K,
  key: string,
  stored: string | null | undefined,
  onIgnored: OnIgnored,
): Records[K] | undefined {
  if (stored === null || stored === undefined) return undefined;
  let problem: string | undefined = "it is not a record of this library";
  let envelope = null as { readonly v?: unknown; readonly data?: unknown } | null;
  try {
    envelope = JSON.parse(stored) as typeof envelope;
  } catch {
    problem = "it is not JSON";
  }
  if (typeof envelope?.v === "number") problem = "it was written by another version";
  if (envelope?.v === 1) problem = undefined;
  return checkRecord(kind, key, envelope?.data, onIgnored, problem);
}

/** A keychain may have to ask the user. */
const MAX_ANSWER_MS = 30_000;

/** Calls the host's store, and says so when it fails or does not answer. */
export async function callStore<T>(
  action: string,
  key: string,
  call: () => MaybePromise<T>,
  ms = MAX_ANSWER_MS,
): Promise<T> {
  try {
    return await inTime(call, ms, () => new Error(`no answer within ${ms} ms`));
  } catch (cause) {
    // who was called has said so already
    if (isAuthError(cause)) throw cause;
    throw storeError("store_failed", `could not ${action}`, key, "see the cause", cause);
  }
}

/** What tells the records of one kind apart. */
type RecordId<K extends RecordKind> = Parameters<(typeof recordKeys)[K]>[0];

/** Typed access to the records of a {@link KVStore}. */
export interface RecordStore {
  get<K extends RecordKind>(kind: K, id: RecordId<K>): Promise<Records[K] | undefined>;
  /** @param expiresAt - milliseconds since the epoch after which the record is of no use */
  set<K extends RecordKind>(kind: K, id: RecordId<K>, record: Records[K], expiresAt?: number): Promise<void>;
  delete<K extends RecordKind>(kind: K, id: RecordId<K>): Promise<void>;
}

export function createRecordStore(store: KVStore, onIgnored?: (record: IgnoredRecord) => void): RecordStore {
  const keyOf = (kind: RecordKind, id: unknown): string => recordKeys[kind](id as never);
  return {
    get(kind, id) {
      const key = keyOf(kind, id);
      const read = callStore("read", key, () => store.get(key));
      return read.then((stored) => decodeRecord(kind, key, stored, onIgnored));
    },
    set(kind, id, record, expiresAt) {
      const key = keyOf(kind, id);
      return callStore("write", key, () => store.set(key, encodeRecord(record), { expiresAt })) as Promise<void>;
    },
    delete(kind, id) {
      const key = keyOf(kind, id);
      return callStore("delete", key, () => store.delete(key)) as Promise<void>;
    },
  };
}
