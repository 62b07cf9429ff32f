import { generateKeyPairSync, webcrypto, type JsonWebKey } from "node:crypto";

const ALGORITHMS = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  PS256: { name: "RSA-PSS", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
};

/** A key pair as its owner and its issuer hold it. */
export interface ClientKeyPair {
  readonly privateKey: webcrypto.CryptoKey;
  readonly jwk: JsonWebKey & { readonly kid: string };
}

export async function createKeyPair(alg: keyof typeof ALGORITHMS): Promise<ClientKeyPair> {
  const generate = {
    ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
    PS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
    EdDSA: () => generateKeyPairSync("ed25519"),
  };
  const pair = generate[alg]();
  const der = pair.privateKey.export({ format: "der", type: "pkcs8" });
  const privateKey = await webcrypto.subtle.importKey("pkcs8", der, ALGORITHMS[alg], false, ["sign"]);
  return { privateKey, jwk: { ...pair.publicKey.export({ format: "jwk" }), kid: "one", alg, use: "sig" } };
}
