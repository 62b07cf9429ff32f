import { describe, expect, it } from "vitest";
import { exchangeCallback } from "../../../src/protocol/exchange-callback.js";
import type { Callback } from "../../../src/types.js";
import {
  clientRegistration,
  ISSUER,
  json,
  NOW,
  pendingAuthorization,
  recordingFetch,
  rejectionOf,
  RESOURCE,
  serverMetadata,
} from "./records.js";

const now = (): number => NOW;
const granted = (): Response => json({ access_token: "access-1", token_type: "Bearer" });
const query = "?code=code-1&state=state-1";

describe("the token request", () => {
  it("is one form POST to the recorded endpoint with code, verifier, redirect URI and resource [spec-85, spec-90, spec-91, spec-92, spec-94]", async () => {
    const { fetch, requests } = recordingFetch(granted);
    await exchangeCallback(pendingAuthorization(), query, { fetch, now });
    expect(requests).toHaveLength(1);
    const [request] = requests;
    expect(request?.method).toBe("POST");
    expect(request?.url).toBe(`${ISSUER}/token`);
    expect(request?.headers.get("content-type")).toMatch(/^application\/x-www-form-urlencoded/);
    expect(request?.headers.get("accept")).toBe("application/json");
    expect(request?.params).toEqual({
      grant_type: "authorization_code",
      code: "code-1",
      code_verifier: "verifier-1",
      redirect_uri: "http://127.0.0.1:4321/callback",
      resource: RESOURCE,
      client_id: "client-1",
    });
  });

  it("sends the resource exactly as it was recorded, without a URL parser's corrections [spec-69, spec-90]", async () => {
    const { fetch, requests } = recordingFetch(granted);
    await exchangeCallback(pendingAuthorization({ resource: "HTTPS://MCP.example" }), query, { fetch, now });
    expect(requests[0]?.params["resource"]).toBe("HTTPS://MCP.example");
  });

  it("of a public client has its id and no credentials [spec-93]", async () => {
    const { fetch, requests } = recordingFetch(granted);
    await exchangeCallback(pendingAuthorization(), query, { fetch, now });
    expect(requests[0]?.headers.has("authorization")).toBe(false);
    expect(requests[0]?.params).not.toHaveProperty("client_secret");
  });

  it("of a client with a secret in the body has it there and nowhere else [spec-93, spec-94]", async () => {
    const { fetch, requests } = recordingFetch(granted);
    const registration = clientRegistration({ tokenEndpointAuthMethod: "client_secret_post", clientSecret: "s%c:r&t" });
    await exchangeCallback(pendingAuthorization({ registration }), query, { fetch, now });
    expect(requests[0]?.headers.has("authorization")).toBe(false);
    expect(requests[0]?.params).toMatchObject({ client_id: "client-1", client_secret: "s%c:r&t" });
    expect(requests[0]?.url).not.toContain("?");
  });

  it("of a client with Basic authentication encodes id and secret as a form before base64 [spec-93, fact-12]", async () => {
    const { fetch, requests } = recordingFetch(granted);
    const registration = clientRegistration({
      clientId: "client:é",
      tokenEndpointAuthMethod: "client_secret_basic",
      clientSecret: "s% c:+",
    });
    await exchangeCallback(pendingAuthorization({ registration }), query, { fetch, now });
    expect(requests[0]?.headers.get("authorization")).toBe(`Basic ${btoa("client%3A%C3%A9:s%25+c%3A%2B")}`);
    expect(requests[0]?.params).not.toHaveProperty("client_id");
    expect(requests[0]?.params).not.toHaveProperty("client_secret");
  });

  it("goes to plain http only on loopback, and only for an MCP server on loopback [spec-31, spec-95, spec-118, fact-09]", async () => {
    const { fetch, requests } = recordingFetch(granted);
    const local = serverMetadata(
      { token_endpoint: "http://127.0.0.1:9000/token" },
      { serverUrl: "http://localhost:8080/mcp" },
    );
    await exchangeCallback(pendingAuthorization({ server: local }), query, { fetch, now });
    expect(requests[0]?.url).toBe("http://127.0.0.1:9000/token");

    for (const token_endpoint of ["http://127.0.0.1:9000/token", "http://as.example/token"]) {
      const server = serverMetadata({ token_endpoint });
      const error = await rejectionOf(exchangeCallback(pendingAuthorization({ server }), query, { fetch, now }));
      expect(error["code"]).toBe("insecure_url");
    }
    expect(requests).toHaveLength(1);
  });

  it("is not followed to another place", async () => {
    const { fetch, requests } = recordingFetch(
      () => new Response(null, { status: 307, headers: { location: `${ISSUER}/elsewhere` } }),
    );
    const error = await rejectionOf(exchangeCallback(pendingAuthorization(), query, { fetch, now }));
    expect(error["code"]).toBe("redirect_refused");
    expect(requests).toHaveLength(1);
  });

  it("is not made with a client of another issuer [spec-20, spec-53]", async () => {
    const { fetch, requests } = recordingFetch(granted);
    const registration = clientRegistration({ issuer: "https://AS.example" });
    const error = await rejectionOf(exchangeCallback(pendingAuthorization({ registration }), query, { fetch, now }));
    expect(error["code"]).toBe("client_issuer_mismatch");
    expect(requests).toHaveLength(0);
  });

  it("rejects with the caller's own reason when aborted", async () => {
    const controller = new AbortController();
    const { fetch } = recordingFetch(() => {
      controller.abort(null);
      return granted();
    });
    const promise = exchangeCallback(pendingAuthorization(), query, { fetch, now, signal: controller.signal });
    await expect(promise).rejects.toBeNull();
  });

  it("needs a token endpoint that is a URL", async () => {
    const { fetch } = recordingFetch(granted);
    for (const token_endpoint of ["/token", undefined as never]) {
      const server = serverMetadata({ token_endpoint });
      const error = await rejectionOf(exchangeCallback(pendingAuthorization({ server }), query, { fetch, now }));
      expect(error["code"]).toBe("metadata_invalid");
      expect(error["message"]).toContain('"token_endpoint"');
    }
  });
});

describe("the callback", () => {
  const forms: readonly (readonly [string, Callback])[] = [
    ["a URL as text", `https://app.example/callback${query}`],
    ["a URL of a private scheme, pasted with a line break", `com.example.app:/callback${query}\n`],
    ["a query", ` ${query}`],
    ["a URL", new URL(`http://127.0.0.1:4321/callback${query}`)],
    ["parameters", new URLSearchParams(query)],
    ["a callback result", { url: `http://127.0.0.1:4321/callback${query}`, code: "ignored", state: "ignored" }],
  ];
  it.each(forms)("may be %s", async (_form, callback) => {
    const { fetch, requests } = recordingFetch(granted);
    await exchangeCallback(pendingAuthorization(), callback, { fetch, now });
    expect(requests[0]?.params["code"]).toBe("code-1");
  });

  it.each(["", "code=code-1&state=state-1", "/callback?code=code-1&state=state-1", "localhost callback"])(
    "is refused when it is neither a URL nor a query: %j",
    async (callback) => {
      const error = await rejectionOf(exchangeCallback(pendingAuthorization(), callback, { now }));
      expect(error["code"]).toBe("callback_invalid");
      expect(error["cause"]).toBeUndefined();
    },
  );

  it.each([undefined, null, 7])("must be given: %j", async (callback) => {
    await expect(exchangeCallback(pendingAuthorization(), callback as never, { now })).rejects.toThrow(TypeError);
  });

  it.each([
    "code=code-2",
    "code=code-1",
    "state=state-1",
    "iss=https://as.example&iss=https://as.example",
    "error=&error=",
  ])("is refused when a parameter repeats: %s [spec-86, fact-08]", async (more) => {
    const { fetch, requests } = recordingFetch(granted);
    const callbacks: Callback[] = [`${query}&${more}`, { url: `https://app.example/callback${query}&${more}` }];
    for (const callback of callbacks) {
      const error = await rejectionOf(exchangeCallback(pendingAuthorization(), callback, { fetch, now }));
      expect(error["code"]).toBe("callback_invalid");
    }
    expect(requests).toHaveLength(0);
  });

  it("may have parameters that mean nothing to us, repeated or not [spec-86]", async () => {
    const { fetch, requests } = recordingFetch(granted);
    const callback = `${query}&session_state=1&session_state=2&response=x&token=y&id_token=z`;
    await exchangeCallback(pendingAuthorization(), callback, { fetch, now });
    expect(requests).toHaveLength(1);
  });

  it.each(["?code=code-1", "?code=code-1&state=", "?code=code-1&state=STATE-1", "?error=access_denied"])(
    "is refused without our state: %s [spec-70, spec-81, fact-08]",
    async (callback) => {
      const { fetch, requests } = recordingFetch(granted);
      const error = await rejectionOf(exchangeCallback(pendingAuthorization(), callback, { fetch, now }));
      expect(error["code"]).toBe("state_unknown");
      expect(requests).toHaveLength(0);
    },
  );

  it("is refused once the login has expired, and when the record cannot tell", async () => {
    for (const expiresAt of [NOW, NOW - 1, Number.NaN]) {
      const error = await rejectionOf(exchangeCallback(pendingAuthorization({ expiresAt }), query, { now }));
      expect(error["code"]).toBe("state_expired");
    }
    const { fetch } = recordingFetch(granted);
    await exchangeCallback(pendingAuthorization({ expiresAt: NOW + 1 }), query, { fetch, now });
  });

  it("is refused when it has neither code nor error", async () => {
    for (const callback of ["?state=state-1", "?state=state-1&code=&error="]) {
      const error = await rejectionOf(exchangeCallback(pendingAuthorization(), callback, { now }));
      expect(error["code"]).toBe("callback_invalid");
    }
  });
});

describe("iss", () => {
  const promised = { authorization_response_iss_parameter_supported: true };
  const unpromised = { authorization_response_iss_parameter_supported: "true" as never };
  const OTHERS = [
    "",
    "https://attacker.example",
    "https://as.example/",
    "https://AS.example",
    "https://as.example:443",
  ];

  it.each([
    ["promised and equal", promised, `&iss=${encodeURIComponent(ISSUER)}`],
    ["not promised, but equal", {}, "&iss=https%3A%2F%2Fas.example"],
    ["not promised and absent", {}, ""],
    ["promised by something else than true, and absent", unpromised, ""],
  ])("is accepted when it is %s [spec-82]", async (_case, metadata, iss) => {
    const { fetch, requests } = recordingFetch(granted);
    await exchangeCallback(pendingAuthorization({ server: serverMetadata(metadata) }), query + iss, { fetch, now });
    expect(requests).toHaveLength(1);
  });

  it.each([
    { promised: true, iss: null },
    ...OTHERS.flatMap((iss) => [
      { promised: true, iss },
      { promised: false, iss },
    ]),
  ])(
    "is refused when it is $iss, promised: $promised [spec-82, spec-83, spec-123, fact-07, fact-08]",
    async ({ promised: isPromised, iss }) => {
      const { fetch, requests } = recordingFetch(granted);
      const pending = pendingAuthorization({ server: serverMetadata(isPromised ? promised : {}) });
      const callback = iss === null ? query : `${query}&iss=${iss}`;
      const error = await rejectionOf(exchangeCallback(pending, callback, { fetch, now }));
      expect(error["code"]).toBe("callback_issuer_mismatch");
      expect(requests).toHaveLength(0);
    },
  );

  it("is judged before the error, of which nothing is shown [spec-84]", async () => {
    const callback = "?state=state-1&iss=https://attacker.example&error=access_denied&error_description=call+0900";
    const error = await rejectionOf(exchangeCallback(pendingAuthorization(), callback, { now }));
    expect(error["code"]).toBe("callback_issuer_mismatch");
    expect(error).not.toHaveProperty("oauthError");
    expect(error).not.toHaveProperty("oauthErrorDescription");
    expect(String(error["message"])).not.toMatch(/access_denied|0900|attacker/);
  });

  it("is not judged where no metadata says who the issuer is", async () => {
    const { fetch, requests } = recordingFetch(granted);
    const server = serverMetadata(promised, { source: "origin_defaults" });
    for (const iss of ["", "&iss=https://other.example"]) {
      await exchangeCallback(pendingAuthorization({ server }), query + iss, { fetch, now });
    }
    expect(requests).toHaveLength(2);
  });
});

describe("an error in the callback", () => {
  it.each(["access_denied", "invalid_scope", "unauthorized_client", "invalid_request"])(
    "%s ends the login and says why [spec-3.8-07, spec-3.8-08, spec-3.8-10]",
    async (error) => {
      const { fetch, requests } = recordingFetch(granted);
      const callback = `?state=state-1&code=code-1&error=${error}&error_description=not+%22you%22`;
      const denied = await rejectionOf(exchangeCallback(pendingAuthorization(), callback, { fetch, now }));
      expect(denied).toMatchObject({
        code: "authorization_denied",
        oauthError: error,
        oauthErrorDescription: 'not "you"',
      });
      expect(denied["message"]).toContain(`"${error}": "not \\"you\\""`);
      expect(requests).toHaveLength(0);
    },
  );

  it("without a description says the error alone", async () => {
    const denied = await rejectionOf(
      exchangeCallback(pendingAuthorization(), "?state=state-1&error=access_denied", { now }),
    );
    expect(denied).not.toHaveProperty("oauthErrorDescription");
    expect(denied["message"]).toContain('("access_denied")');
  });

  it.each(["temporarily_unavailable", "server_error"])("%s means: try later [spec-3.8-09]", async (error) => {
    const callback = `?state=state-1&error=${error}`;
    const failed = await rejectionOf(exchangeCallback(pendingAuthorization(), callback, { now }));
    expect(failed).toMatchObject({ name: "TransportError", code: "server_error", url: ISSUER });
  });

  it("cannot smuggle control characters or a flood into the message [spec-124]", async () => {
    const callback = `?state=state-1&error=a%1b%5B31m%0A&error_description=${"x".repeat(5000)}`;
    const denied = await rejectionOf(exchangeCallback(pendingAuthorization(), callback, { now }));
    expect(String(denied["message"])).not.toMatch(/\p{Cc}/u);
    expect(String(denied["message"]).length).toBeLessThan(500);
  });
});

describe("the tokens", () => {
  it("carry what they are bound to, and the requested scope when the server names none", async () => {
    const { fetch } = recordingFetch(granted);
    const pending = pendingAuthorization({ scope: "read write" });
    expect(await exchangeCallback(pending, query, { fetch, now })).toEqual({
      accessToken: "access-1",
      tokenType: "Bearer",
      scope: "read write",
      requestedScope: "read write",
      obtainedAt: NOW,
      issuer: ISSUER,
      tokenEndpoint: `${ISSUER}/token`,
      resource: RESOURCE,
      registration: pending.registration,
    });
  });

  it("have the granted scope beside the requested one", async () => {
    const { fetch } = recordingFetch(() => json({ access_token: "a", token_type: "Bearer", scope: "read" }));
    const tokens = await exchangeCallback(pendingAuthorization({ scope: "read write" }), query, { fetch, now });
    expect(tokens).toMatchObject({ scope: "read", requestedScope: "read write" });
  });

  it("need no refresh token and no scope [spec-104]", async () => {
    const { fetch } = recordingFetch(granted);
    const tokens = await exchangeCallback(pendingAuthorization(), query, { fetch, now });
    expect(tokens).not.toHaveProperty("refreshToken");
    expect(tokens).not.toHaveProperty("scope");
    expect(tokens).not.toHaveProperty("expiresAt");
  });

  it("are plain JSON", async () => {
    const { fetch } = recordingFetch(granted);
    const tokens = await exchangeCallback(pendingAuthorization(), query, { fetch });
    expect(JSON.parse(JSON.stringify(tokens))).toStrictEqual(tokens);
    expect(tokens.obtainedAt).toBeLessThan(NOW * 2);
  });
});

it.each(["invalid_grant", "invalid_client", "invalid_target", "invalid_request"])(
  "a code that is refused with %s ends this login, and is not sent again [spec-3.8-12, spec-3.8-16]",
  async (error) => {
    const { fetch, requests } = recordingFetch(() => json({ error }, { status: 400 }));
    const refused = await rejectionOf(exchangeCallback(pendingAuthorization(), query, { fetch, now }));
    expect(refused).toMatchObject({ code: "token_request_rejected", status: 400, oauthError: error });
    expect(requests).toHaveLength(1);
  },
);
