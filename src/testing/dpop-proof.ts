import { isSignedByOneOf, parseJsonWebToken } from "./json-web-token.js";
import { codeChallengeOf } from "./secrets.js";

/** The signature algorithm of proofs. */
export const DPOP_ALGORITHM = "ES256";

/** How far `iat` may be from the server's time. */
export const PROOF_WINDOW_MS = 300_000;

/** A proof that was found good. */
export interface DpopProof {
  /** The SHA-256 thumbprint of the key that made it (RFC 7638). */
  readonly jkt: string;
  readonly jti: string;
  readonly nonce: unknown;
}

/** The request that a proof has to be about. */
export interface ProvenRequest {
  readonly method: string;
  readonly url: URL;
  readonly accessToken: string | undefined;
  readonly now: number;
}

/** Checks a proof, or says what is wrong with it: RFC 9449 §4.3, save for nonce and replay. */
export async function checkProof(header: string, request: ProvenRequest): Promise<DpopProof | string> {
  const token = parseJsonWebToken(header);
  if (token === undefined) return "the DPoP header is not one JSON Web Token";
  const { typ, alg, jwk } = token.header;
  if (typ !== "dpop+jwt") return 'the "typ" of the proof must be dpop+jwt';
  if (alg !== DPOP_ALGORITHM) return `the "alg" of the proof must be ${DPOP_ALGORITHM}`;
  if (typeof jwk !== "object" || jwk === null || PRIVATE_MEMBERS.some((member) => member in jwk)) {
    return 'the "jwk" of the proof must be a public key';
  }
  if (!(await isSignedByOneOf([jwk], token))) return "the signature of the proof is wrong";
  const { jti, htm, htu, iat, ath, nonce } = token.claims;
  if (typeof jti !== "string" || jti === "") return 'the proof has no "jti"';
  if (htm !== request.method) return 'the "htm" of the proof is not the method of the request';
  if (typeof htu !== "string" || !isSameTarget(htu, request.url))
    return 'the "htu" of the proof is not the URL of the request';
  if (typeof iat !== "number" || Math.abs(iat * 1000 - request.now) > PROOF_WINDOW_MS) {
    return 'the "iat" of the proof is too far from the time of the server';
  }
  if (request.accessToken !== undefined && ath !== (await codeChallengeOf(request.accessToken))) {
    return 'the "ath" of the proof is not the hash of the access token';
  }
  return { jkt: await thumbprintOf(jwk), jti, nonce };
}

const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** Without query and fragment on either side: a proof that has them is wrong. */
function isSameTarget(htu: string, url: URL): boolean {
  if (!URL.canParse(htu) || /[?#]/.test(htu)) return false;
  const { origin, pathname } = new URL(htu);
  return origin === url.origin && pathname === url.pathname;
}

/** RFC 7638 §3.2, for keys on a curve. */
function thumbprintOf(jwk: object): Promise<string> {
  const { crv, kty, x, y } = jwk as JsonWebKey;
  return codeChallengeOf(JSON.stringify({ crv, kty, x, y }));
}
