import { DiscoveryError, quoteRemote } from "../errors.js";
import type { AuthChallenge, ServerMetadata } from "../types.js";
import type { Dpop, DpopConnection, DpopHost } from "../wire/dpop-connection.js";
import { isBound } from "../wire/dpop-connection.js";
import type { DpopKeyStore } from "./dpop-key-store.js";
import { fetchWithProof } from "./fetch-with-proof.js";
import { createKnownKeys } from "./known-keys.js";
import { loadProofs } from "./load-proofs.js";
import { requestTokens } from "./request-tokens.js";
import { createStoredKeys } from "./stored-keys.js";

/** Options of {@link createDpop}. @public */
export interface DpopOptions {
  /** Where the keys are kept. One that does not let private keys out, such as `createIndexedDbKeyStore` of
   * `mcp-oauth-client/browser`, also protects against a stolen store.
   * @defaultValue private keys as JWKs in the client's `store`, beside the tokens */
  readonly keys?: DpopKeyStore | undefined;
  /** Whether servers that do not offer DPoP are refused with `dpop_unsupported`, and bearer tokens of earlier logins are not used.
   * @defaultValue false: such servers get a bearer token */
  readonly required?: boolean | undefined;
  /** Whether a bearer token is accepted from a server that offers DPoP: where its token endpoint answers with one all the same, and
   * where the challenge of the MCP server knows nothing but `Bearer`.
   * @defaultValue false: such a token is discarded, with `token_response_invalid` */
  readonly allowDowngrade?: boolean | undefined;
}

/** Of how many keys it is remembered that their loss was told. */
const MAX_MISSING = 1_000;

/** How long the key of a login that nobody finishes is kept: longer than the login itself. */
const UNUSED_KEY_MS = 3_600_000;

/**
 * Makes tokens of a client worthless to whoever steals them: they are bound to a key, and every request proves that its sender has
 * it (DPoP, RFC 9449). Pass it as {@link AuthClientOptions.dpop}.
 *
 * @remarks
 * DPoP is used with every authorization server that lists `ES256` in `dpop_signing_alg_values_supported`, for logins and for
 * {@link Grant}s. Each login has a key of its own, which is deleted with its tokens. Requests of {@link createAuthFetch} carry
 * `Authorization: DPoP` and a new proof each time; nonces that a server demands are answered with one more request and remembered.
 * A bound token is never sent as a bearer token: when its key is gone, the session answers with "log in", and the client's
 * `onEvent` hears `dpop_key_missing`. What `getAccessToken` resolves with is of no use without a proof.
 *
 * @param options - where keys are kept, and whether bearer tokens are still welcome
 * @returns a frozen object for any number of clients
 * @throws `TypeError` when both `required` and `allowDowngrade` are set
 * @example
 * ```ts
 * const client = createAuthClient({ clientMetadata: { client_name: "Example" }, dpop: createDpop() });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc9449 | RFC 9449}
 * @public
 */
export function createDpop(options: DpopOptions = {}): Dpop {
  const { required = false, allowDowngrade = false } = options;
  if (required && allowDowngrade) {
    throw new TypeError(
      '"required" and "allowDowngrade" exclude each other: a client that requires DPoP takes no bearer token',
    );
  }
  return Object.freeze<Dpop>({
    connect: (host: DpopHost) =>
      connect(host, { keys: options.keys ?? createStoredKeys(host.store), required, allowDowngrade }),
  });
}

interface Policy {
  readonly keys: DpopKeyStore;
  readonly required: boolean;
  readonly allowDowngrade: boolean;
}

function connect({ now, emit }: DpopHost, policy: Policy): DpopConnection {
  const keys = createKnownKeys(policy.keys);
  const missing = new Set<string>();
  const { required, allowDowngrade } = policy;
  return {
    async chooseKey(server, challenge, previous) {
      if (!isWanted(server, challenge, policy)) return undefined;
      const kept = previous?.dpopKeyId;
      if (kept !== undefined && (await keys.find(kept)) !== undefined) return kept;
      const { generateDpopKeyPair, thumbprintOf } = await loadProofs();
      const pair = await generateDpopKeyPair(DPOP_ALGORITHM, policy.keys.extractable === true);
      const id = await thumbprintOf(pair);
      await keys.write(id, { ...pair, expiresAt: now() + UNUSED_KEY_MS });
      return id;
    },
    tokenType: allowDowngrade ? /^(dpop|bearer)$/i : /^dpop$/i,
    async requestTokens(keyId, endpoint, send) {
      const found = await keys.require(keyId);
      const { expiresAt, ...pair } = found.pair;
      // before the code is used up: what is bound to the key must not outlive it
      const key = expiresAt === undefined ? found : await keys.write(keyId, pair);
      return await requestTokens(key, { endpoint, send, now, allowDowngrade });
    },
    async canUse(tokens, whose) {
      if (!isBound(tokens)) return !required;
      const { dpopKeyId = "" } = tokens;
      if ((await keys.find(dpopKeyId)) !== undefined) return true;
      if (!missing.has(dpopKeyId)) emit({ type: "dpop_key_missing", ...whose });
      // a server of many users runs for long: better told twice than remembered for ever
      if (missing.size >= MAX_MISSING) missing.clear();
      missing.add(dpopKeyId);
      return false;
    },
    credentialsOf(tokens, send, unrelated) {
      const { accessToken, dpopKeyId } = tokens;
      if (!isBound(tokens)) return { authorization: `Bearer ${accessToken}`, via: send };
      const authorization = `DPoP ${accessToken}`;
      const key = () => keys.require(dpopKeyId);
      return { authorization, via: fetchWithProof({ tokens, authorization, key, send, now, unrelated }) };
    },
    async forget(tokens) {
      if (tokens?.dpopKeyId !== undefined) await keys.delete(tokens.dpopKeyId);
    },
  };
}

/** Whether tokens of this server are to be bound. */
function isWanted(
  {
    issuer,
    authorizationServer,
    protectedResource = {} as NonNullable<ServerMetadata["protectedResource"]>,
  }: ServerMetadata,
  challenge: AuthChallenge | undefined,
  { required, allowDowngrade }: Policy,
): boolean {
  const lists = (algorithms: unknown): boolean => Array.isArray(algorithms) && algorithms.includes(DPOP_ALGORITHM);
  const accepted = protectedResource[ALGORITHMS];
  const isOffered = lists(authorizationServer[ALGORITHMS]) && (accepted === undefined || lists(accepted));
  if (!isOffered && (required || protectedResource[REQUIRED] === true)) {
    throw new DiscoveryError(
      "dpop_unsupported",
      `${quoteRemote(issuer)} and its MCP server do not both list "${DPOP_ALGORITHM}" in "${ALGORITHMS}", and DPoP is required ` +
        (required ? "by this client" : "by the MCP server"),
    );
  }
  // more scope for tokens that were good is not the moment
  const knowsBearerAlone =
    accepted === undefined && challenge?.scheme.toLowerCase() === "bearer" && challenge.error !== "insufficient_scope";
  return isOffered && !(allowDowngrade && knowsBearerAlone);
}

/** The only algorithm: every server that knows DPoP knows it (RFC 9449 §11.6 leaves the choice open). */
const DPOP_ALGORITHM = "ES256";
const ALGORITHMS = "dpop_signing_alg_values_supported";
const REQUIRED = "dpop_bound_access_tokens_required";
