import { createPublicKey, verify, type JsonWebKey } from "node:crypto";
import { OAuthError, OAuthErrorCode, type AuthInfo, type OAuthTokenVerifier } from "@modelcontextprotocol/server";

/** The claims that matter to the resource server, alike in an introspection answer and in a JWT. */
interface AccessTokenClaims {
  readonly iss?: string;
  readonly aud?: string | readonly string[];
  readonly exp?: number;
  readonly scope?: string;
  readonly client_id?: string;
  readonly sub?: string;
  readonly username?: string;
  readonly generation?: number;
  /** The key that the token is bound to (RFC 7800, RFC 9449 §6). */
  readonly cnf?: { readonly jkt?: string };
}

export interface TokenVerifierOptions {
  readonly issuer: string;
  readonly resource: string;
  /** How the claims are learnt: asking the issuer (RFC 7662), or checking the signature (RFC 9068). */
  readonly readClaims: (token: string) => Promise<AccessTokenClaims | undefined>;
  /** Tokens of an earlier generation count as expired. */
  readonly generation: () => number;
}

/** Checks what a resource server must: issuer, audience, expiry (and, through the SDK's gate, scope). */
export function createTokenVerifier(options: TokenVerifierOptions): OAuthTokenVerifier {
  return {
    async verifyAccessToken(token): Promise<AuthInfo> {
      const claims = await options.readClaims(token);
      if (claims === undefined) throw refuse("The token is unknown, revoked or not intact");
      if (claims.iss !== options.issuer) throw refuse("The token is of another issuer");
      if (![claims.aud ?? []].flat().includes(options.resource)) throw refuse("The token is for another resource");
      if (claims.exp === undefined || claims.exp * 1000 <= Date.now()) throw refuse("The token has expired");
      if (claims.generation !== options.generation()) throw refuse("The token has expired");
      return {
        token,
        clientId: claims.client_id ?? "",
        scopes: (claims.scope ?? "").split(" "),
        expiresAt: claims.exp,
        resource: new URL(options.resource),
        extra: { subject: claims.sub },
      };
    },
  };
}

function refuse(description: string): OAuthError {
  return new OAuthError(OAuthErrorCode.InvalidToken, description);
}

/** Asks the authorization server about each token, so that a revoked one is refused at once. */
export function introspect(endpoint: string, authorization: string): TokenVerifierOptions["readClaims"] {
  return async (token) => {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { authorization },
      body: new URLSearchParams({ token }),
    });
    // A structured token is refused with 400: it is not this server's business.
    if (!response.ok) return undefined;
    const claims = (await response.json()) as AccessTokenClaims & { active?: boolean };
    return claims.active === true ? claims : undefined;
  };
}

/** Checks the ES256 signature of a JWT access token against the keys that the authorization server publishes. */
export function verifySignature(jwksUri: string): TokenVerifierOptions["readClaims"] {
  return async (token) => {
    const [header = "", payload = "", signature = "", ...rest] = token.split(".");
    if (rest.length > 0 || signature === "") return undefined;
    const { kid, alg } = decode(header) as { kid?: string; alg?: string };
    const { keys } = (await (await fetch(jwksUri)).json()) as { keys: (JsonWebKey & { kid?: string })[] };
    const key = keys.find((candidate) => candidate.kid === kid);
    if (key === undefined || alg !== "ES256") return undefined;
    const intact = verify(
      "sha256",
      Buffer.from(`${header}.${payload}`),
      { key: createPublicKey({ key, format: "jwk" }), dsaEncoding: "ieee-p1363" },
      Buffer.from(signature, "base64url"),
    );
    return intact ? (decode(payload) as AccessTokenClaims) : undefined;
  };
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString());
  } catch {
    return {};
  }
}
