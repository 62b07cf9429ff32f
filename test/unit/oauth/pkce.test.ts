import { createHash } from "node:crypto";
import { expect, it, vi } from "vitest";
import { createLoginSecrets } from "../../../src/oauth/pkce.js";

it("has a verifier and a state of 256 bits each, in characters that need no escaping [spec-73]", async () => {
  const seen = new Set<string>();
  for (let count = 0; count < 64; count += 1) {
    const { state, codeVerifier, codeChallenge } = await createLoginSecrets();
    for (const text of [state, codeVerifier, codeChallenge]) expect(text).toMatch(/^[\w-]{43}$/);
    expect(codeChallenge).toBe(createHash("sha256").update(codeVerifier).digest("base64url"));
    seen.add(state).add(codeVerifier);
  }
  expect(seen.size).toBe(128);
});

it("makes the challenge of RFC 7636 appendix B [spec-67]", async () => {
  const octets = [
    116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191, 240, 91,
    88, 5, 88, 83, 132, 141, 121,
  ];
  vi.spyOn(crypto, "getRandomValues").mockImplementation((array) => {
    (array as Uint8Array).set(octets);
    return array;
  });
  expect(await createLoginSecrets()).toMatchObject({
    codeVerifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    codeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  });
});
