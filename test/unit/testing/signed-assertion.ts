import { SignJWT, exportJWK, generateKeyPair } from "jose";
import type { JWTPayload } from "jose";

/** Somebody who signs assertions, and the public keys that they are verified with. */
export interface Signer {
  readonly keys: readonly object[];
  readonly privateKey: CryptoKey;
  /** Members that are `undefined` are left out. */
  sign(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
}

export async function createSigner(alg = "ES256", kid?: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const jwk = await exportJWK(publicKey);
  return {
    privateKey,
    keys: [{ ...jwk, ...(kid !== undefined && { kid }) }],
    sign: (claims, header = {}) =>
      new SignJWT(JSON.parse(JSON.stringify(claims)) as JWTPayload)
        .setProtectedHeader({ alg, ...(kid !== undefined && { kid }), ...header })
        .sign(privateKey),
  };
}
