import {
  allowInsecureRequests,
  customFetch,
  DPoP,
  generateKeyPair,
  modifyAssertion,
  protectedResourceRequest,
} from "oauth4webapi";

type KeyPair = Parameters<typeof DPoP>[1];

/** What a proof is about (RFC 9449 §4.2). */
export interface ProofClaims {
  readonly method: string;
  readonly url: URL;
  /** Milliseconds since the epoch, by the clock of the server. */
  readonly issuedAt: number;
  /** What the server wants to see in it. */
  readonly nonce: string | undefined;
  /** The token that goes along; none to the token endpoint. */
  readonly accessToken?: string;
}

export const generateDpopKeyPair = async (algorithm: string, extractable: boolean): Promise<KeyPair> =>
  generateKeyPair(algorithm, { extractable });

/** SHA-256 JWK thumbprint of the public key (RFC 7638): `dpop_jkt`, and what tokens are bound to. */
export const thumbprintOf = async (pair: object): Promise<string> => DPoP({}, pair as KeyPair).calculateThumbprint();

/**
 * Signs a proof with an id of its own. Nonces and the time are handed in, because those of an authorization server and of an MCP
 * server on one origin are apart, and oauth4webapi keeps them by origin.
 */
export async function createProof(
  pair: object,
  { method, url, issuedAt, nonce, accessToken }: ProofClaims,
): Promise<string> {
  const handle = DPoP({}, pair as KeyPair, {
    [modifyAssertion]: (_header, claims) => {
      claims["iat"] = Math.floor(issuedAt / 1000);
      claims["nonce"] = nonce;
      if (accessToken === undefined) delete claims["ath"];
    },
  });
  let proof = "";
  await protectedResourceRequest(accessToken ?? "none", method, url, undefined, undefined, {
    DPoP: handle,
    // nothing is sent: the request is only built
    [customFetch]: (_url, { headers }) => {
      proof = String(headers["dpop"]);
      return Promise.resolve(new Response());
    },
    [allowInsecureRequests]: true,
  });
  return proof;
}
