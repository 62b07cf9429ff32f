import { clockSkew, modifyAssertion, PrivateKeyJwt, type CryptoKey } from "oauth4webapi";
import type { AuthenticatedRequest } from "../grant-types.js";

/** What an assertion is signed with, and when. */
export interface AssertionSignature {
  readonly key: object;
  readonly kid: string | undefined;
  readonly alg: string;
  /** How far the issuer's clock is ahead, in milliseconds. */
  readonly skewMs: number;
}

/** Adds a client assertion to a request (RFC 7523 §2.2): from the client about itself, for this issuer alone, used once. */
export async function signClientAssertion(
  { server, registration, headers, body }: AuthenticatedRequest,
  { key, kid, alg, skewMs }: AssertionSignature,
): Promise<string> {
  const authenticate = PrivateKeyJwt(
    { key: key as CryptoKey, ...(kid !== undefined && { kid }) },
    {
      [modifyAssertion]: (header) => {
        header["alg"] = alg;
      },
    },
  );
  const client = { client_id: registration.clientId, [clockSkew]: Math.round(skewMs / 1000) };
  await authenticate({ issuer: server.issuer }, client, body, headers);
  return String(body.get("client_assertion"));
}
