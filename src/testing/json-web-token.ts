import { subtleCrypto } from "../platform.js";

/** A JSON Web Token in its parts, not verified. */
export interface JsonWebToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signedText: string;
  readonly signature: Uint8Array<ArrayBuffer>;
}

interface Algorithm {
  readonly import: RsaHashedImportParams | EcKeyImportParams | { readonly name: string };
  readonly sign: RsaPssParams | EcdsaParams | { readonly name: string };
}

const ecdsa = (namedCurve: string, hash: string): Algorithm => ({
  import: { name: "ECDSA", namedCurve },
  sign: { name: "ECDSA", hash },
});

/** RFC 7518 §3.1, RFC 8037. No symmetric ones: nobody shares a secret with this server that it would sign with. */
const ALGORITHMS = {
  ES256: ecdsa("P-256", "SHA-256"),
  ES384: ecdsa("P-384", "SHA-384"),
  RS256: { import: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, sign: { name: "RSASSA-PKCS1-v1_5" } },
  PS256: { import: { name: "RSA-PSS", hash: "SHA-256" }, sign: { name: "RSA-PSS", saltLength: 32 } },
  EdDSA: { import: { name: "Ed25519" }, sign: { name: "Ed25519" } },
} satisfies Readonly<Record<string, Algorithm>>;

const isAlgorithm = (alg: unknown): alg is keyof typeof ALGORITHMS =>
  typeof alg === "string" && Object.hasOwn(ALGORITHMS, alg);

export const SIGNATURE_ALGORITHMS: readonly string[] = Object.keys(ALGORITHMS);

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]*$/.test(text)) throw new TypeError("not base64url");
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
}

/** The parts of a token, or `undefined` when it is none (RFC 7519 §7.2, steps 1 to 7). */
export function parseJsonWebToken(text: string): JsonWebToken | undefined {
  const parts = text.split(".");
  const [header = "", claims = "", signature = ""] = parts;
  if (parts.length !== 3) return undefined;
  try {
    const [headerObject, claimsObject] = [parseObject(header), parseObject(claims)];
    if (headerObject === undefined || claimsObject === undefined) return undefined;
    return {
      header: headerObject,
      claims: claimsObject,
      signedText: `${header}.${claims}`,
      signature: fromBase64Url(signature),
    };
  } catch {
    return undefined;
  }
}

function parseObject(part: string): Readonly<Record<string, unknown>> | undefined {
  const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromBase64Url(part)));
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Whether one of the keys, public JWKs, made the signature. */
export async function isSignedByOneOf(keys: readonly object[], token: JsonWebToken): Promise<boolean> {
  const { alg, kid } = token.header;
  // RFC 7515 §4.1.11: what must be understood is not
  if (!isAlgorithm(alg) || "crit" in token.header) return false;
  for (const key of keys as readonly (JsonWebKey & { readonly kid?: string })[]) {
    if (kid !== undefined && key.kid !== undefined && key.kid !== kid) continue;
    if (await isSignedBy(key, ALGORITHMS[alg], token)) return true;
  }
  return false;
}

async function isSignedBy(key: JsonWebKey, algorithm: Algorithm, token: JsonWebToken): Promise<boolean> {
  try {
    // imported without the members that only say what else the key may be used for
    const { kty = "", crv = "", x = "", y = "", n = "", e = "" } = key;
    const bare = kty === "RSA" ? { kty, n, e } : kty === "OKP" ? { kty, crv, x } : { kty, crv, x, y };
    const publicKey = await subtleCrypto().importKey("jwk", bare, algorithm.import, false, ["verify"]);
    return await subtleCrypto().verify(algorithm.sign, publicKey, token.signature, encode(token.signedText));
  } catch {
    // a key of another kind
    return false;
  }
}

/** Signs claims with the private key of `alg`. */
export async function signJsonWebToken(
  key: CryptoKey,
  header: { readonly alg: keyof typeof ALGORITHMS } & Readonly<Record<string, string>>,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  const part = (value: unknown): string => toBase64Url(encode(JSON.stringify(value)));
  const signedText = `${part(header)}.${part(claims)}`;
  const { sign } = ALGORITHMS[header.alg];
  const signature = await subtleCrypto().sign(sign, key, encode(signedText));
  return `${signedText}.${toBase64Url(new Uint8Array(signature))}`;
}
