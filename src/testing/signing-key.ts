import { subtleCrypto } from "../platform.js";
import { signJsonWebToken } from "./json-web-token.js";

/** The key that a server signs ID tokens and ID-JAGs with; made when it is first needed. */
export interface SigningKey {
  /** Its public half as a list of JWKs. */
  publicKeys(): Promise<readonly object[]>;
  /** Signs claims; `type` is the `typ` of the header. */
  sign(type: string, claims: Readonly<Record<string, unknown>>): Promise<string>;
}

/** What OpenID Connect Core §15.1 makes every provider support. */
export const SIGNING_ALGORITHM = "RS256";

const KEY_ID = "1";

export function createSigningKey(): SigningKey {
  let pair: Promise<CryptoKeyPair> | undefined;
  const keyPair = (): Promise<CryptoKeyPair> =>
    (pair ??= subtleCrypto().generateKey(
      { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
      false,
      ["sign", "verify"],
    ));

  return {
    async publicKeys() {
      const { n, e, kty } = await subtleCrypto().exportKey("jwk", (await keyPair()).publicKey);
      return [{ kty, n, e, alg: SIGNING_ALGORITHM, use: "sig", kid: KEY_ID }];
    },
    async sign(type, claims) {
      const { privateKey } = await keyPair();
      return signJsonWebToken(privateKey, { alg: SIGNING_ALGORITHM, kid: KEY_ID, typ: type }, claims);
    },
  };
}
