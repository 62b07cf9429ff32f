import { createHash, randomUUID } from "node:crypto";
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from "jose";

export interface DpopGateOptions {
  /** The MCP endpoint, as proofs have to name it. */
  readonly serverUrl: string;
  readonly metadataUrl: string;
  readonly demandsNonces: boolean;
  /** The thumbprint that a token is bound to. */
  readonly boundTo: (token: string) => Promise<string | undefined>;
}

export interface DpopGate {
  /** The request as the SDK's gate for bearer tokens takes it, or the refusal of its proof. */
  check(request: Request): Promise<Request | Response>;
  /** From now on another nonce is wanted. */
  rotateNonce(): void;
}

/** What a resource server has to check of DPoP (RFC 9449 §4.3 and §7.1), by means of jose. */
export function createDpopGate(options: DpopGateOptions): DpopGate {
  const seen = new Set<string>();
  let nonce = randomUUID();

  async function problemOf(request: Request, token: string): Promise<string | undefined> {
    const { payload, protectedHeader } = await jwtVerify(request.headers.get("dpop") ?? "", EmbeddedJWK, {
      typ: "dpop+jwt",
      algorithms: ["ES256"],
      maxTokenAge: 300,
      requiredClaims: ["jti", "htm", "htu", "ath"],
    });
    const { htm, htu, ath, jti = "" } = payload;
    if (htm !== request.method) return "htm";
    if (htu !== options.serverUrl) return "htu";
    if (ath !== createHash("sha256").update(token).digest("base64url")) return "ath";
    if (seen.has(jti)) return "jti";
    seen.add(jti);
    const { jwk } = protectedHeader;
    if (jwk === undefined || (await calculateJwkThumbprint(jwk)) !== (await options.boundTo(token))) return "jwk";
    return options.demandsNonces && payload["nonce"] !== nonce ? "nonce" : undefined;
  }

  function refuse(params: string): Response {
    const challenge = `DPoP ${params}algs="ES256", scope="mcp:read", resource_metadata="${options.metadataUrl}"`;
    return new Response(null, { status: 401, headers: { "www-authenticate": challenge, "dpop-nonce": nonce } });
  }

  return {
    async check(request) {
      const [scheme = "", token = ""] = (request.headers.get("authorization") ?? "").split(" ");
      if (scheme.toLowerCase() !== "dpop") return refuse("");
      const problem = await problemOf(request, token).catch((error: unknown) => String(error));
      if (problem === "nonce") return refuse('error="use_dpop_nonce", ');
      if (problem !== undefined) return refuse(`error="invalid_dpop_proof", error_description="${problem}", `);
      const headers = new Headers(request.headers);
      headers.set("authorization", `Bearer ${token}`);
      return new Request(request, { headers });
    },
    rotateNonce() {
      nonce = randomUUID();
    },
  };
}
