import { quoteRemote, TokenError } from "../errors.js";
import { transientError } from "../oauth/map-error.js";
import type { DpopTokenAnswer } from "../wire/dpop-connection.js";
import type { KnownKey } from "./known-keys.js";
import { loadProofs } from "./load-proofs.js";
import { noteTerms } from "./server-terms.js";

/** How a token endpoint is asked. */
export interface TokenRequest<A> {
  readonly endpoint: string;
  readonly send: (proof: string) => Promise<A>;
  readonly now: () => number;
  /** Whether a bearer token will do as well. */
  readonly allowDowngrade: boolean;
}

/** RFC 9449 §5 and §8: a request with a proof, repeated once when the proof was refused for what the refusal itself mends. */
export async function requestTokens<A extends DpopTokenAnswer>(
  key: KnownKey,
  { endpoint, send, now, allowDowngrade }: TokenRequest<A>,
): Promise<A> {
  const url = new URL(endpoint);
  const { createProof } = await loadProofs();
  const server = `authorization server ${url.origin}`;
  for (let isFirst = true; ; isFirst = false) {
    const terms = key.servers.get(server) ?? { nonce: undefined, clockSkew: 0 };
    const { nonce, clockSkew } = terms;
    const answer = await send(await createProof(key.pair, { method: "POST", url, issuedAt: now() + clockSkew, nonce }));
    const mends = noteTerms(key, server, terms, answer.headers, now());
    if (isFirst && mends(answer.error)) continue;
    // it says nothing about the code or the refresh token, which must not count as refused
    if (answer.error === "use_dpop_nonce") throw transientError(answer);
    if (!allowDowngrade) refuseBearer(answer);
    return answer;
  }
}

/** RFC 9449 §5: whoever relies on the binding discards a token without it. */
function refuseBearer({ error, document, url }: DpopTokenAnswer): void {
  const type = document?.["token_type"];
  if (error !== undefined || typeof type !== "string" || type.toLowerCase() !== "bearer") return;
  throw new TokenError(
    "token_response_invalid",
    `${quoteRemote(url)} offers DPoP and was sent a proof, but answered with a "token_type" of "Bearer"; ` +
      "its operator has to correct this, or createDpop needs allowDowngrade",
  );
}
