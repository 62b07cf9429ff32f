import { TransportError } from "../errors.js";
import { baseUrl } from "../platform.js";
import type { FetchLike, TokenSet } from "../types.js";
import { parseChallenges } from "../wire/challenge.js";
import { isReplayable } from "../wire/replayable.js";
import type { KnownKey } from "./known-keys.js";
import { loadProofs } from "./load-proofs.js";
import { noteTerms } from "./server-terms.js";

/** How requests to the MCP server get their proofs. */
export interface ProvenFetch {
  readonly tokens: TokenSet;
  /** What marks a request that carries the token. */
  readonly authorization: string;
  readonly key: () => Promise<KnownKey>;
  readonly send: FetchLike;
  readonly now: () => number;
  /** Collects refusals of the proof that could not be mended. */
  readonly unrelated: WeakSet<Response>;
}

/** RFC 9449 §7 and §9. Requests without the token, such as those of a redirect that has left the server, get no proof either. */
export function fetchWithProof({ tokens, authorization, key, send, now, unrelated }: ProvenFetch): FetchLike {
  const { accessToken } = tokens;
  return async (target, init) => {
    const headers = new Headers(init?.headers);
    if (headers.get("authorization") !== authorization) return await send(target, init);
    const url = new URL(target, baseUrl());
    const server = `MCP server ${url.origin}`;
    const method = init?.method ?? "GET";
    const redirect = init?.redirect === "error" ? "error" : "manual";
    const { createProof } = await loadProofs();
    const known = await key();
    for (let isFirst = true; ; isFirst = false) {
      const terms = known.servers.get(server) ?? { nonce: undefined, clockSkew: tokens.clockSkew ?? 0 };
      const issuedAt = now() + terms.clockSkew;
      headers.set("dpop", await createProof(known.pair, { method, url, issuedAt, nonce: terms.nonce, accessToken }));
      const response = await send(target, { ...init, headers, redirect });
      refuseHiddenRedirect(response, url, init);
      const refusal = refusalOf(response);
      const mends = noteTerms(known, server, terms, response.headers, now());
      if (!isFirst || !mends(refusal) || !isReplayable(init?.body)) {
        if (refusal === "use_dpop_nonce") unrelated.add(response);
        return response;
      }
      await response.body?.cancel().catch(() => undefined);
    }
  };
}

/** A browser would take the proof along wherever it leads. */
function refuseHiddenRedirect({ type, status }: Response, url: URL, init: RequestInit | undefined): void {
  if (type !== "opaqueredirect" || init?.redirect === "manual") return;
  throw new TransportError(
    "redirect_refused",
    `${url.host} redirected, which a request with a DPoP proof cannot follow in a browser: check the URL of the MCP server`,
    { url: url.origin + url.pathname, status },
  );
}

/** What the DPoP challenge of a 401 says is wrong; the server may have challenges of other schemes beside it. */
function refusalOf({ status, headers }: Response): string | undefined {
  if (status !== 401) return undefined;
  const challenges = parseChallenges(headers.get("www-authenticate") ?? "");
  return challenges.find(({ scheme, params }) => scheme === "dpop" && params.has("error"))?.params.get("error");
}
