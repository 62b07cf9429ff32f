import { randomFraction, sha256 } from "../platform.js";
import type { KnownClient } from "./clients.js";
import { checkProof, PROOF_WINDOW_MS } from "./dpop-proof.js";
import { createExpiringMap } from "./expiring-map.js";
import type { Settings } from "./fake-auth-server-options.js";
import { GRANT_TYPE } from "./grant-types.js";
import type { IssuedTokens } from "./grants.js";
import { invalidGrant, OAuthRefusal } from "./oauth-refusal.js";
import type { Persistence } from "./persistence.js";
import type { ReceivedRequest } from "./received-request.js";
import type { FakeEndpoint } from "./request-log.js";

/** Each of the two has nonces of its own (RFC 9449 §8 and §9). */
type Side = "authorization_server" | "resource_server";

/** By the thumbprint of the key. */
interface Binding {
  readonly jkt: string;
  readonly expiresAt: number;
}

export type DpopGuard = ReturnType<typeof createDpopGuard>;

/** How long a nonce is good. */
const NONCE_TTL_MS = 300_000;

/** DPoP at both servers: who has to prove what, and what is bound to which key. */
export function createDpopGuard(settings: Settings, persistence: Persistence, now: () => number) {
  const { dpop } = settings;
  const longestTtlMs = Math.max(settings.accessTokenTtlMs, settings.refreshTokenTtlMs);
  const started = now();
  const suffix = randomFraction().toString(36).slice(2);
  const used = createExpiringMap<number>(now, (expiresAt) => expiresAt);
  // what codes and tokens are bound to
  const bindings = createExpiringMap<Binding>(now, ({ expiresAt }) => expiresAt);

  const storedKeyOf = async (secret: string): Promise<string> => `dpop:${await sha256(secret)}`;
  function bind(secret: string, jkt: string): void {
    const binding = { jkt, expiresAt: now() + longestTtlMs };
    bindings.set(secret, binding);
    persistence.save(storedKeyOf(secret), binding, binding.expiresAt);
  }
  async function keyOf(secret: string): Promise<string | undefined> {
    if (dpop === undefined) return undefined;
    const binding =
      bindings.get(secret) ?? ((await persistence.load(await storedKeyOf(secret))) as Binding | undefined);
    return binding?.jkt;
  }

  function nonceOf(side: Side): string | undefined {
    const isDemanded = dpop?.nonces === true || dpop?.nonces === side;
    return isDemanded ? `${side}-${Math.floor((now() - started) / NONCE_TTL_MS)}-${suffix}` : undefined;
  }

  /** The thumbprint of the key, or the error of RFC 9449 §5, §8 or §9. */
  async function prove(
    { request, url }: ReceivedRequest,
    side: Side,
    accessToken?: string,
  ): Promise<{ readonly jkt: string } | { readonly error: string; readonly description: string }> {
    const invalid = (description: string) => ({ error: "invalid_dpop_proof", description });
    const header = request.headers.get("dpop");
    if (header === null) return invalid("there is no DPoP proof");
    const proof = await checkProof(header, { method: request.method, url, accessToken, now: now() });
    if (typeof proof === "string") return invalid(proof);
    const nonce = nonceOf(side);
    if (nonce !== undefined && proof.nonce !== nonce) {
      return { error: "use_dpop_nonce", description: "the proof has to contain the nonce of this answer" };
    }
    const name = `${side} ${proof.jkt} ${proof.jti}`;
    if ((used.get(name) ?? 0) > now()) return invalid("the proof was used before");
    used.set(name, now() + 2 * PROOF_WINDOW_MS);
    return proof;
  }

  return {
    /** The thumbprint of the key that a code or a token is bound to. */
    keyOf,

    /** RFC 9449 §10: a code that names a key is for nobody else. */
    bindCode(code: string, jkt: string | undefined): void {
      if (dpop !== undefined && jkt !== undefined) bind(code, jkt);
    },

    /** RFC 9449 §5: the key that a token request proves, if it has to prove one or does. */
    async checkTokenRequest(received: ReceivedRequest): Promise<string | undefined> {
      const { form, request } = received;
      // a token for another authorization server is bound there
      if (dpop === undefined || form.get("grant_type") === GRANT_TYPE.tokenExchange) return undefined;
      let jkt: string | undefined;
      if (dpop.required === true || request.headers.has("dpop")) {
        const proof = await prove(received, "authorization_server");
        if ("error" in proof) throw new OAuthRefusal(400, proof.error, proof.description);
        ({ jkt } = proof);
      }
      for (const name of ["code", "refresh_token"]) {
        const secret = form.get(name);
        const expected = secret === null ? undefined : await keyOf(secret);
        if (expected !== undefined && expected !== jkt) throw invalidGrant(`the ${name} is bound to another key`);
      }
      return jkt;
    },

    /** Binds what was issued; the refresh token only of a client that has nothing else to prove itself with. */
    bindTokens(tokens: object, jkt: string | undefined, client?: KnownClient): object {
      if (jkt === undefined) return tokens;
      const { access_token: accessToken, refresh_token: refreshToken } = tokens as IssuedTokens;
      bind(accessToken, jkt);
      if (refreshToken !== undefined && client?.token_endpoint_auth_method === "none") bind(refreshToken, jkt);
      return { ...tokens, token_type: "DPoP" };
    },

    /** RFC 9449 §7: what is wrong with the way in which a good access token is sent, as members of a challenge. */
    async checkResourceRequest(
      received: ReceivedRequest,
      scheme: string,
      accessToken: string,
    ): Promise<{ readonly error: string; readonly error_description: string } | undefined> {
      const jkt = await keyOf(accessToken);
      const invalid = (description: string) => ({ error: "invalid_token", error_description: description });
      if (scheme.toLowerCase() === "bearer") {
        if (jkt !== undefined) return invalid("the access token is bound to a key and was sent as a bearer token");
        return dpop?.required === true ? invalid("the access token is not bound to a key") : undefined;
      }
      if (jkt === undefined) return invalid("the access token is not bound to a key");
      const proof = await prove(received, "resource_server", accessToken);
      if ("error" in proof) return { error: proof.error, error_description: proof.description };
      return proof.jkt === jkt ? undefined : invalid("the access token is bound to another key");
    },

    /** Says the current nonce with every answer (RFC 9449 §8.2). */
    addNonce(endpoint: FakeEndpoint, response: Response): Response {
      const side = SIDES[endpoint];
      const nonce = side === undefined ? undefined : nonceOf(side);
      if (nonce === undefined) return response;
      const headers = new Headers(response.headers);
      headers.set("dpop-nonce", nonce);
      const { status, statusText } = response;
      return new Response(response.body, { status, statusText, headers });
    },
  };
}

const SIDES: Readonly<Partial<Record<FakeEndpoint, Side>>> = {
  token: "authorization_server",
  refresh: "authorization_server",
  resource: "resource_server",
};
