import { expect, it } from "vitest";
import { revokeTokens } from "../../../src/protocol/revoke-tokens.js";
import {
  clientRegistration,
  ISSUER,
  json,
  NOW,
  recordingFetch,
  rejectionOf,
  serverMetadata,
  tokenSet,
} from "./records.js";

const now = (): number => NOW;
const done = (): Response => new Response(null);

it("revokes the refresh token first, then the access token, as the client they were issued to", async () => {
  const { fetch, requests } = recordingFetch(done);
  expect(await revokeTokens(serverMetadata(), tokenSet(), { fetch })).toBe(true);
  expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual(Array(2).fill(`POST ${ISSUER}/revoke`));
  expect(requests.map(({ params }) => params)).toEqual([
    { token: "refresh-1", token_type_hint: "refresh_token", client_id: "client-1" },
    { token: "access-1", token_type_hint: "access_token", client_id: "client-1" },
  ]);
});

it("revokes the access token alone when there is no refresh token, with the client's secret", async () => {
  const { fetch, requests } = recordingFetch(done);
  const registration = clientRegistration({ tokenEndpointAuthMethod: "client_secret_basic", clientSecret: "secret" });
  await revokeTokens(serverMetadata(), tokenSet({ refreshToken: "", registration }), { fetch });
  expect(requests.map(({ params }) => params)).toEqual([{ token: "access-1", token_type_hint: "access_token" }]);
  expect(requests[0]?.headers.get("authorization")).toBe(`Basic ${btoa("client-1:secret")}`);
});

it("says that the server has no such endpoint, without a request", async () => {
  const { fetch, requests } = recordingFetch(done);
  const server = serverMetadata({ revocation_endpoint: undefined as never });
  expect(await revokeTokens(server, tokenSet(), { fetch })).toBe(false);
  expect(requests).toHaveLength(0);
});

it("goes on when a token type cannot be revoked", async () => {
  const { fetch, requests } = recordingFetch(() => json({ error: "unsupported_token_type" }, { status: 400 }));
  expect(await revokeTokens(serverMetadata(), tokenSet(), { fetch })).toBe(true);
  expect(requests).toHaveLength(2);
});

it.each([json({}), new Response(null, { status: 204 }), new Response("ok")])(
  "takes any 2xx for done: %#",
  async (response) => {
    const { fetch } = recordingFetch(() => response.clone());
    expect(await revokeTokens(serverMetadata(), tokenSet(), { fetch })).toBe(true);
  },
);

it.each([400, 401, 200])("reports a refusal, with status %i", async (status) => {
  const body = { error: "invalid_client", error_description: "who is refresh-1?" };
  const { fetch, requests } = recordingFetch(() => json(body, { status }));
  const error = await rejectionOf(revokeTokens(serverMetadata(), tokenSet(), { fetch }));
  expect(error).toMatchObject({ code: "token_request_rejected", oauthError: "invalid_client", status });
  expect(error["oauthErrorDescription"]).toBe("who is [redacted]?");
  expect(requests).toHaveLength(1);
});

it("reports a refusal that is no OAuth error, with what the body says", async () => {
  const { fetch } = recordingFetch(() => json({ detail: "no such tenant" }, { status: 400 }));
  const error = await rejectionOf(revokeTokens(serverMetadata(), tokenSet(), { fetch }));
  expect(error).toMatchObject({ code: "token_request_rejected", status: 400 });
  expect(error["message"]).toContain("no such tenant");
});

it("is judged by the host as well [spec-23, spec-117]", async () => {
  const { fetch, requests } = recordingFetch(done);
  const seen: string[] = [];
  const allowUrl = (url: URL, { purpose }: { purpose: string }) => seen.push(`${purpose} ${url.href}`) === 0;
  const error = await rejectionOf(revokeTokens(serverMetadata(), tokenSet(), { fetch, allowUrl }));
  expect(error["code"]).toBe("insecure_url");
  expect(seen).toEqual([`revocation_endpoint ${ISSUER}/revoke`]);
  expect(requests).toHaveLength(0);
});

it.each([
  [503, "", NOW + 7000],
  [429, JSON.stringify({ error: "slow_down" }), NOW + 7000],
  [404, "not here", NOW + 7000],
])("reports that nothing was decided, with status %i", async (status, body, retryAt) => {
  const { fetch } = recordingFetch(() => new Response(body, { status, headers: { "retry-after": "7" } }));
  const error = await rejectionOf(revokeTokens(serverMetadata(), tokenSet(), { fetch, now }));
  expect(error).toMatchObject({ code: "server_error", status, retryAt, url: `${ISSUER}/revoke` });
});

it("reads the clock of the runtime when none is given", async () => {
  const { fetch } = recordingFetch(() => new Response("", { status: 503, headers: { "retry-after": "7" } }));
  const error = await rejectionOf(revokeTokens(serverMetadata(), tokenSet(), { fetch }));
  expect(error["retryAt"]).toBeTypeOf("number");
});

it("shows the tokens to no other issuer [spec-20, spec-103]", async () => {
  const { fetch, requests } = recordingFetch(done);
  const other = "https://attacker.example";
  for (const attempt of [
    revokeTokens(serverMetadata({}, { issuer: other }), tokenSet(), { fetch }),
    revokeTokens(serverMetadata(), tokenSet({ issuer: other }), { fetch }),
    revokeTokens(serverMetadata(), tokenSet({ registration: clientRegistration({ issuer: other }) }), { fetch }),
  ]) {
    expect((await rejectionOf(attempt))["code"]).toBe("client_issuer_mismatch");
  }
  expect(requests).toHaveLength(0);
});
