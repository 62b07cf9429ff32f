import { createHash, randomUUID } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type JWK } from "jose";

/** What a test changes in a proof; `undefined` leaves a member out. */
export interface ProofChanges {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Makes DPoP proofs as jose signs them, right ones and wrong ones. */
export interface DpopProver {
  readonly jkt: string;
  readonly publicJwk: JWK;
  readonly privateJwk: JWK;
  prove(method: string, url: string, nowMs: number, accessToken?: string, changes?: ProofChanges): Promise<string>;
}

export async function createProver(alg = "ES256"): Promise<DpopProver> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  return {
    jkt: await calculateJwkThumbprint(publicJwk),
    publicJwk,
    privateJwk: await exportJWK(privateKey),
    prove(method, url, nowMs, accessToken, { header, claims } = {}) {
      const ath = accessToken === undefined ? undefined : createHash("sha256").update(accessToken).digest("base64url");
      const payload = { jti: randomUUID(), htm: method, htu: url, iat: Math.floor(nowMs / 1000), ath, ...claims };
      return new SignJWT(payload)
        .setProtectedHeader({ typ: "dpop+jwt", alg, jwk: publicJwk, ...header })
        .sign(privateKey);
    },
  };
}
