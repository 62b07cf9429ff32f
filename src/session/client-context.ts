import type { DiscoverAuthServerOptions } from "../protocol/discover-auth-server.js";
import { discoverAuthServer } from "../protocol/discover-auth-server.js";
import { currentTime, weakly } from "../platform.js";
import type { KVStore, TokenStore } from "../store/kv-store.js";
import { publicKey } from "../wire/public-key.js";
import { createMemoryStore } from "../store/memory-store.js";
import type { RecordStore } from "../store/records.js";
import { createRecordStore, recordKeys } from "../store/records.js";
import { createTokenStore } from "../store/token-store.js";
import type { ClientAuthenticationOptions, Grant } from "../grant-types.js";
import type { ClockOptions, HttpOptions, IgnoredRecord, ServerMetadata, TokenSet } from "../types.js";
import type { DpopConnection, DpopHost } from "../wire/dpop-connection.js";
import { canonicalServerUrl, parseServerUrl } from "../wire/url-policy.js";
import type { ConnectedGrant } from "./connected-grant.js";
import type { AuthClientOptions, AuthEvent } from "./session-types.js";
import { createTokenCell, type TokenCell } from "./token-cell.js";

/** What all sessions of one client have in common. */
export interface ClientContext {
  readonly options: AuthClientOptions;
  readonly store: KVStore;
  readonly tokenStore: TokenStore;
  readonly records: RecordStore;
  /** What every request of the client has in common. */
  readonly http: HttpOptions &
    Required<ClockOptions> &
    ClientAuthenticationOptions & { readonly dpop: DpopConnection | undefined };
  /** New tokens that the store has not taken yet: they are written before anything else is done, also when no session is left of
   * those that got them. */
  readonly unsaved: Map<TokenCell, TokenSet>;
  readonly now: () => number;
  readonly emit: (event: AuthEvent) => void;
  readonly onIgnored: (record: IgnoredRecord) => void;
  readonly discover: (serverUrl: URL, options: DiscoverAuthServerOptions) => Promise<ServerMetadata>;
  readonly cell: (serverUrl: string | URL, subject: string | undefined, grant?: Grant) => TokenCell;
}

export function createClientContext(options: AuthClientOptions): ClientContext {
  const { fetch, timeoutMs, allowUrl, clientAuthentication, onEvent } = options;
  const now = options.now ?? currentTime;
  const store = options.store ?? createMemoryStore({ now });
  const emit = (event: AuthEvent): void => {
    // an observer must not be able to break a login, nor, if it is asynchronous, to end the process
    const shown = { ...event, ...("serverUrl" in event && { serverUrl: publicKey(event.serverUrl) }) };
    new Promise<unknown>((resolve) => resolve(onEvent?.(shown))).catch(() => undefined);
  };
  const onIgnored = (record: IgnoredRecord): void => {
    emit({ type: "record_ignored", ...record });
  };
  return {
    options,
    store,
    tokenStore: options.tokenStore ?? createTokenStore(store, { onIgnored }),
    records: createRecordStore(store, onIgnored),
    http: {
      fetch,
      timeoutMs,
      allowUrl,
      clientAuthentication,
      now,
      dpop: options.dpop?.connect({ store, now, emit } satisfies DpopHost as never) as DpopConnection | undefined,
    },
    unsaved: new Map(),
    now,
    emit,
    onIgnored,
    discover: options.discover ?? discoverAuthServer,
    cell: createCellLookup(),
  };
}

/** Sessions of one server and subject share one cell for as long as one of them is in use. */
function createCellLookup(): ClientContext["cell"] {
  const cells = new Map<string, { deref(): TokenCell | undefined }>();
  let sweepAt = 256;
  return (serverUrl, subject, grant) => {
    const url = parseServerUrl(serverUrl);
    const key = { serverUrl: canonicalServerUrl(url), subject, grant: grant?.id };
    const name = recordKeys.tokens(key);
    const known = cells.get(name)?.deref();
    const cell = known ?? createTokenCell(url, key, name);
    // the latest, as its secret may be newer
    cell.grant = grant as ConnectedGrant | undefined;
    if (known === undefined) {
      if (cells.size >= sweepAt) {
        for (const [stale, reference] of cells) if (reference.deref() === undefined) cells.delete(stale);
        sweepAt = Math.max(256, 2 * cells.size);
      }
      cells.set(name, weakly(cell));
    }
    return cell;
  };
}
