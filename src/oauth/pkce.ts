import { randomSecret, sha256 } from "../platform.js";

/** Fresh secrets of one login: 256 random bits each, the challenge by S256 (RFC 7636 §4). */
export async function createLoginSecrets(): Promise<{
  readonly state: string;
  readonly codeVerifier: string;
  readonly codeChallenge: string;
}> {
  const codeVerifier = urlSafe(randomSecret());
  return { state: urlSafe(randomSecret()), codeVerifier, codeChallenge: urlSafe(await sha256(codeVerifier)) };
}

/** Base64 to base64url without padding (RFC 4648 §5). */
const urlSafe = (base64: string): string => base64.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
