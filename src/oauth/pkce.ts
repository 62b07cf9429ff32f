import { calculatePKCECodeChallenge, generateRandomCodeVerifier, generateRandomState } from "oauth4webapi";

/** Fresh secrets of one login: 256 random bits each, the challenge by S256 (RFC 7636 §4). */
export async function createLoginSecrets(): Promise<{
  readonly state: string;
  readonly codeVerifier: string;
  readonly codeChallenge: string;
}> {
  const codeVerifier = generateRandomCodeVerifier();
  return { state: generateRandomState(), codeVerifier, codeChallenge: await calculatePKCECodeChallenge(codeVerifier) };
}
