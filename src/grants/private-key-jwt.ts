import { quoteRemote, RegistrationError } from "../errors.js";
import type { ClientAuthentication } from "../grant-types.js";
import { currentTime } from "../platform.js";
import type { CryptoKeyLike } from "../store/encrypted-store.js";

/** Options of {@link privateKeyJwt}. @public */
export interface PrivateKeyJwtOptions {
  /** The private key, a `CryptoKey` with the usage `sign`; it need not be extractable. Its public part is registered with the issuer,
   * or published in the Client ID Metadata Document (`jwks`, `jwks_uri`). */
  readonly privateKey: CryptoKeyLike;
  /** The JWS algorithm, where the key allows several names.
   * @defaultValue by the key, and among several names by what the issuer lists */
  readonly alg?: string | undefined;
  /** The key's id, where the issuer knows several keys of this client. */
  readonly kid?: string | undefined;
}

/**
 * Lets clients prove themselves by a signature instead of a secret (`private_key_jwt`): in a grant, or as `clientAuthentication` of
 * {@link createAuthClient} for pre-registered clients and Client ID Metadata Documents whose `token_endpoint_auth_method` says so.
 *
 * @remarks
 * Each request carries a new assertion, which is good for a minute and for one issuer: its `aud` is the issuer, never a URL that a
 * server chose. The key stays where it is; it is neither exported nor stored.
 *
 * @throws `TypeError` when `privateKey` is no private key for signing, or `alg` does not fit it. Sessions fail with
 * {@link RegistrationError} `client_authentication_unsupported`, before anything is sent, when the issuer lists
 * algorithms and the key is for none of them.
 * @example
 * ```ts
 * const { privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
 * const client = createAuthClient({
 *   clientMetadata: { token_endpoint_auth_method: "private_key_jwt" },
 *   clientMetadataUrl: "https://app.example.com/oauth/client.json",
 *   clientAuthentication: privateKeyJwt({ privateKey, kid: "2026-11" }),
 * });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc7523#section-2.2 | RFC 7523 §2.2}
 * @public
 */
export function privateKeyJwt({ privateKey, alg, kid }: PrivateKeyJwtOptions): ClientAuthentication {
  const algorithms = algorithmsOf(privateKey);
  if (algorithms.length === 0) {
    throw new TypeError('privateKey must be a private CryptoKey of a signature algorithm, with the usage "sign"');
  }
  if (alg !== undefined && !algorithms.includes(alg)) {
    throw new TypeError(`alg does not fit privateKey, which is for ${algorithms.join(" or ")}`);
  }
  const possible = alg === undefined ? algorithms : [alg];
  return Object.freeze<ClientAuthentication>({
    methods: ["private_key_jwt"],
    async authenticate(request) {
      const { issuer, authorizationServer } = request.server;
      const { token_endpoint_auth_signing_alg_values_supported: published } = authorizationServer;
      // not looked at before: what is no list says nothing
      const listed = Array.isArray(published) ? (published as readonly unknown[]) : undefined;
      const chosen = listed ? possible.find((name) => listed.includes(name)) : possible[0];
      if (chosen === undefined) {
        throw new RegistrationError(
          "client_authentication_unsupported",
          `${quoteRemote(issuer)} takes assertions signed by ${quoteRemote(listed?.join(", "))}, but privateKey is for ` +
            `${possible.join(" or ")}; register a key that it takes`,
          { issuer },
        );
      }
      // a program that only sends tokens starts without it
      const { signClientAssertion } = await import("../oauth/sign-client-assertion.js");
      const skewMs = request.now - currentTime();
      return await signClientAssertion(request, { key: privateKey, kid, alg: chosen, skewMs });
    },
  });
}

const CURVES: Readonly<Record<string, string>> = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };

/** The JWS algorithms that a key is for, the better known name first; none when it cannot sign. */
function algorithmsOf(key: Partial<CryptoKeyLike> | null | undefined): readonly string[] {
  const { name, namedCurve, hash } = (key?.algorithm ?? {}) as Readonly<Record<string, unknown>> & {
    readonly hash?: { readonly name?: string };
  };
  if (key?.type !== "private" || key.usages?.includes("sign") !== true) return [];
  const size = /^SHA-(256|384|512)$/.exec(hash?.name ?? "")?.[1];
  if (name === "ECDSA") return [CURVES[String(namedCurve)] ?? []].flat();
  if (name === "Ed25519") return ["EdDSA", "Ed25519"];
  if (size === undefined) return [];
  return name === "RSA-PSS" ? [`PS${size}`] : name === "RSASSA-PKCS1-v1_5" ? [`RS${size}`] : [];
}
