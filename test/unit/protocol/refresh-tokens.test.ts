import { describe, expect, it } from "vitest";
import { refreshTokens } from "../../../src/protocol/refresh-tokens.js";
import {
  clientRegistration,
  ISSUER,
  json,
  NOW,
  recordingFetch,
  rejectionOf,
  RESOURCE,
  serverMetadata,
  tokenSet,
} from "./records.js";

const now = (): number => NOW;
const granted = { access_token: "access-2", token_type: "Bearer" };

describe("the refresh request", () => {
  it("has the refresh token, the resource and the client, and no scope [spec-90, spec-106]", async () => {
    const { fetch, requests } = recordingFetch(() => json(granted));
    await refreshTokens(serverMetadata(), tokenSet({ scope: "read" }), { fetch, now });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ method: "POST", url: `${ISSUER}/token` });
    expect(requests[0]?.params).toEqual({
      grant_type: "refresh_token",
      refresh_token: "refresh-1",
      resource: RESOURCE,
      client_id: "client-1",
    });
  });

  it("authenticates as the client that the tokens were issued to [spec-93]", async () => {
    const { fetch, requests } = recordingFetch(() => json(granted));
    const registration = clientRegistration({
      clientId: "their client",
      tokenEndpointAuthMethod: "client_secret_basic",
      clientSecret: "secret",
    });
    await refreshTokens(serverMetadata(), tokenSet({ registration }), { fetch, now });
    expect(requests[0]?.headers.get("authorization")).toBe(`Basic ${btoa("their+client:secret")}`);
    expect(requests[0]?.params).not.toHaveProperty("client_id");
  });

  it("is not made without the secret that the client authenticates with", async () => {
    const { fetch, requests } = recordingFetch(() => json(granted));
    for (const tokenEndpointAuthMethod of ["client_secret_basic", "client_secret_post"] as const) {
      const registration = clientRegistration({ tokenEndpointAuthMethod });
      const attempt = refreshTokens(serverMetadata(), tokenSet({ registration }), { fetch, now });
      await expect(attempt).rejects.toThrow(TypeError);
      await expect(attempt).rejects.toThrow("clientSecret");
    }
    expect(requests).toHaveLength(0);
  });

  it("may ask for less", async () => {
    const { fetch, requests } = recordingFetch(() => json(granted));
    const tokens = await refreshTokens(
      serverMetadata(),
      tokenSet({ scope: "read write", requestedScope: "read write" }),
      {
        fetch,
        now,
        scope: "read",
      },
    );
    expect(requests[0]?.params["scope"]).toBe("read");
    expect(tokens).toMatchObject({ scope: "read", requestedScope: "read write" });
  });

  it.each([`${ISSUER}/`, "https://AS.example", "https://attacker.example"])(
    "is not made to another issuer: %s [spec-20, spec-103, fact-07]",
    async (issuer) => {
      const { fetch, requests } = recordingFetch(() => json(granted));
      const attempts = [
        refreshTokens(serverMetadata({}, { issuer }), tokenSet(), { fetch, now }),
        refreshTokens(serverMetadata(), tokenSet({ issuer }), { fetch, now }),
        refreshTokens(serverMetadata(), tokenSet({ registration: clientRegistration({ issuer }) }), { fetch, now }),
      ];
      for (const attempt of attempts) expect((await rejectionOf(attempt))["code"]).toBe("client_issuer_mismatch");
      expect(requests).toHaveLength(0);
    },
  );

  it("is judged by the host as well [spec-23, spec-117]", async () => {
    const { fetch, requests } = recordingFetch(() => json(granted));
    const seen: string[] = [];
    const allowUrl = (url: URL, { purpose }: { purpose: string }) => seen.push(`${purpose} ${url.href}`) === 0;
    const error = await rejectionOf(refreshTokens(serverMetadata(), tokenSet(), { fetch, now, allowUrl }));
    expect(error["code"]).toBe("insecure_url");
    expect(seen).toEqual([`token_endpoint ${ISSUER}/token`]);
    expect(requests).toHaveLength(0);
  });

  it("needs a refresh token", async () => {
    const { refreshToken, ...without } = tokenSet();
    await expect(refreshTokens(serverMetadata(), without)).rejects.toThrow(TypeError);
    await expect(refreshTokens(serverMetadata(), { ...without, refreshToken: "" })).rejects.toThrow(TypeError);
    expect(refreshToken).toBe("refresh-1");
  });
});

describe("the refreshed tokens", () => {
  it("keep what the answer leaves out, but no expiry of the old ones [spec-105]", async () => {
    const { fetch } = recordingFetch(() => json(granted));
    const before = tokenSet({
      scope: "read",
      requestedScope: "read write",
      idToken: "id-1",
      expiresAt: NOW - 1,
      refreshTokenExpiresAt: NOW + 5000,
      tokenEndpoint: `${ISSUER}/old-token`,
    });
    const { expiresAt, ...kept } = before;
    expect(await refreshTokens(serverMetadata(), before, { fetch, now })).toStrictEqual({
      ...kept,
      accessToken: "access-2",
      obtainedAt: NOW,
      tokenEndpoint: `${ISSUER}/token`,
    });
    expect(expiresAt).toBe(NOW - 1);
  });

  it("replace what the answer has [spec-105]", async () => {
    const { fetch } = recordingFetch(() =>
      json({ ...granted, refresh_token: "refresh-2", scope: "read", id_token: "id-2", expires_in: 60 }),
    );
    const before = tokenSet({ scope: "read write", idToken: "id-1", refreshTokenExpiresAt: NOW + 5000 });
    const after = await refreshTokens(serverMetadata(), before, { fetch, now });
    expect(after).toMatchObject({ refreshToken: "refresh-2", scope: "read", idToken: "id-2", expiresAt: NOW + 60_000 });
    expect(after).not.toHaveProperty("refreshTokenExpiresAt");
  });
});

describe("a refusal", () => {
  it.each([
    "invalid_grant",
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
  ])("with %s is final [spec-3.8-12, spec-3.8-14, spec-3.8-15, spec-3.8-16]", async (error) => {
    const { fetch, requests } = recordingFetch(() => json({ error }, { status: 400 }));
    const refused = await rejectionOf(refreshTokens(serverMetadata(), tokenSet(), { fetch, now }));
    expect(refused).toMatchObject({ name: "TokenError", code: "refresh_rejected", status: 400, oauthError: error });
    expect(requests).toHaveLength(1);
  });

  it.each([{ error: "invalid_request" }, { error: "use_dpop_nonce" }, { message: "no" }])(
    "with %j is left to the caller's judgement",
    async (body) => {
      const { fetch } = recordingFetch(() => json(body, { status: 401 }));
      const refused = await rejectionOf(refreshTokens(serverMetadata(), tokenSet(), { fetch, now }));
      expect(refused).toMatchObject({ name: "TokenError", code: "token_request_rejected", status: 401 });
    },
  );
});
