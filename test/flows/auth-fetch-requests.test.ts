import { describe, expect, it, vi } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf } from "../support/host.js";
import { createRecorder, noContent, redirectTo } from "../support/recorder.js";

const stream = (text: string) => new Blob([text]).stream();

describe("the caller's headers", () => {
  it("are sent with the token, in whatever form they come, and are not changed", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder(noContent);
    const authFetch = createAuthFetch(session, { fetch });
    const plain = Object.freeze({ "X-Mine": "1", "mcp-session-id": "s" });
    const headers = new Headers(plain);
    const list = Object.freeze(Object.entries(plain)) as [string, string][];
    const request = new Request(server.serverUrl, { headers });
    await authFetch(server.serverUrl, { headers: plain });
    await authFetch(server.serverUrl, { headers });
    await authFetch(server.serverUrl, { headers: list });
    await authFetch(request);
    await authFetch(new Request(server.serverUrl), { headers: plain });

    for (const { init } of calls) {
      expect(Object.fromEntries(new Headers(init?.headers))).toEqual({
        authorization: `Bearer ${accessToken}`,
        "mcp-session-id": "s",
        "x-mine": "1",
      });
    }
    expect(calls).toHaveLength(5);
    expect([...headers.keys(), ...request.headers.keys(), ...Object.keys(plain)]).not.toContain("authorization");
    expect(list).toHaveLength(2);
  });

  it("and whatever else a Request has are taken over", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder(noContent);
    const controller = new AbortController();
    const request = new Request(server.serverUrl, {
      method: "POST",
      body: "{}",
      keepalive: true,
      credentials: "include",
      signal: controller.signal,
    });
    await createAuthFetch(session, { fetch })(request);
    const sent = new Request(calls[0]?.url ?? "", calls[0]?.init);

    expect(sent).toMatchObject({ method: "POST", credentials: "include", redirect: "manual" });
    expect(await sent.text()).toBe("{}");
    controller.abort();
    expect(sent.signal.aborted).toBe(true);
  });
});

describe("a Request with an init", () => {
  it("keeps what the init names and leaves undefined, as with fetch itself", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder(noContent);
    const { signal } = new AbortController();
    const request = new Request(server.serverUrl, { method: "POST", body: "{}", headers: { "x-mine": "1" }, signal });
    const init = { method: undefined, headers: undefined, body: undefined, signal: undefined, cache: "no-store" };
    await createAuthFetch(session, { fetch })(request, init as object);
    const sent = new Request(calls[0]?.url ?? "", calls[0]?.init);

    expect(sent).toMatchObject({ method: "POST", cache: "no-store" });
    expect(sent.headers.get("x-mine")).toBe("1");
    expect(await sent.text()).toBe("{}");
    expect(calls[0]?.init?.signal).toBe(request.signal);
  });
});

describe("a body", () => {
  const form = new FormData();
  form.set("a", "1");
  it.each<[string, BodyInit | null | undefined, string]>([
    ["none", undefined, ""],
    ["null", null, ""],
    ["text", "{}", "{}"],
    ["the empty text", "", ""],
    ["URLSearchParams", new URLSearchParams({ a: "1" }), "a=1"],
    ["a Blob", new Blob(["{}"]), "{}"],
    ["a File", new File(["{}"], "a.json"), "{}"],
    ["an ArrayBuffer", new TextEncoder().encode("{}").buffer, "{}"],
    ["a typed array", new TextEncoder().encode("{}"), "{}"],
    ["a DataView", new DataView(new TextEncoder().encode("{}").buffer), "{}"],
    ["a form", form, "form"],
  ])("that is %s is sent again after a refresh", async (_, body, text) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const bodies: string[] = [];
    server.expireAccessTokens();
    const authFetch = createAuthFetch(session, {
      fetch: async (input, init) => {
        const request = new Request(input, init);
        bodies.push(
          body === form
            ? (await request.clone().formData()).get("a") === "1"
              ? "form"
              : ""
            : await request.clone().text(),
        );
        return await server.fetch(request);
      },
    });
    const response = await authFetch(server.serverUrl, { method: "POST", ...(body !== undefined && { body }) });

    expect(response.status).toBe(200);
    expect(bodies).toEqual([text, text]);
    expect(server.counts).toMatchObject({ refresh: 1, resource: 2 });
  });

  it("that is a stream is not sent again: the 401 is handed back whole, and the next request has a new token", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    const authFetch = createAuthFetch(session);
    const init = { method: "POST", body: stream("{}"), duplex: "half" as const };
    const refused = await authFetch(server.serverUrl, init);

    expect(refused.status).toBe(401);
    expect(await refused.json()).toEqual({ error: "invalid_token" });
    expect(server.counts).toMatchObject({ refresh: 1, resource: 1 });
    expect((await authFetch(server.serverUrl, { ...init, body: stream("{}") })).status).toBe(200);
    expect(server.counts).toMatchObject({ refresh: 1, resource: 2 });
  });

  it("of a Request is read where the runtime does not show it as a stream", async () => {
    const bodies: string[] = [];
    const server = createFakeAuthServer({
      handleResource: async (request) => {
        bodies.push(await request.text());
        return new Response();
      },
    });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    // as in Firefox
    const withoutBody = new Proxy(new Request(server.serverUrl, { method: "POST", body: "{}" }), {
      get: (target, member) => {
        const value: unknown = member === "body" ? undefined : Reflect.get(target, member, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    await authFetch(withoutBody);
    expect(bodies).toEqual(["{}"]);
  });
  it("of a Request is such a stream, unless the init has another", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    server.advance(61_000);
    server.expireAccessTokens();
    const first = await authFetch(new Request(server.serverUrl, { method: "POST", body: "{}" }));
    server.advance(61_000);
    server.expireAccessTokens();
    const second = await authFetch(new Request(server.serverUrl, { method: "POST", body: "{}" }), { body: "[]" });
    server.expireAccessTokens();
    const third = await authFetch(new Request(server.serverUrl));

    expect([first, second, third].map(({ status }) => status)).toEqual([401, 200, 200]);
  });

  it("that is a stream needs the user as any other, and fails when there is nobody to ask", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const init = { method: "POST", body: stream("{}"), duplex: "half" as const };
    await expect(createAuthFetch(session)(server.serverUrl, init)).rejects.toMatchObject({
      code: "authorization_required",
    });

    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async () => {
        await session.authorize(approvedBy(server));
      },
    });
    const refused = await authFetch(server.serverUrl, { ...init, body: stream("{}") });
    expect(refused.status).toBe(401);
    expect((await authFetch(server.serverUrl, { ...init, body: stream("{}") })).status).toBe(200);
  });

  it("of an answer that nobody will read is cancelled", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const cancelled: number[] = [];
    const answer = (status: number, call: number): Response =>
      new Response(new ReadableStream({ cancel: () => void cancelled.push(call) }), { status });
    const { fetch } = createRecorder((_, call) => answer(call === 1 ? 401 : 200, call));
    const response = await createAuthFetch(session, { fetch })(server.serverUrl);

    expect(cancelled).toEqual([1]);
    expect(response.bodyUsed).toBe(false);
  });

  it("of an answer that somebody reads already does not get in the way", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { fetch } = createRecorder((_, call) => {
      const response = new Response("busy", { status: call === 1 ? 401 : 200 });
      if (call === 1) response.body?.getReader();
      return response;
    });

    expect((await createAuthFetch(session, { fetch })(server.serverUrl)).status).toBe(200);
  });
});

describe("a redirect", () => {
  const MCP = "https://mcp.example.com/mcp";

  it.each([
    ["within the server", `${MCP}/v2`, true],
    ["to another path of its origin", "https://mcp.example.com/elsewhere", false],
    ["to another origin", "https://evil.example/mcp", false],
    ["to plain http", "http://mcp.example.com/mcp", false],
    ["given as a path", "/mcp/v2", true],
    ["to the metadata", "/.well-known/oauth-protected-resource/mcp", false],
  ])("%s is followed, and takes the token along: %s, %s", async (_, location, withToken) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder((_url, call) => (call === 1 ? redirectTo(location) : noContent()));
    const response = await createAuthFetch(session, { fetch })(MCP, { headers: { "x-mine": "1" } });

    expect(response.status).toBe(204);
    expect(calls[1]?.url).toBe(new URL(location, MCP).href);
    expect(calls[1]?.authorization).toBe(withToken ? `Bearer ${accessToken}` : null);
    expect(new Headers(calls[1]?.init?.headers).get("x-mine")).toBe("1");
    expect(calls.map(({ init }) => init?.redirect)).toEqual(["manual", "manual"]);
  });

  it("out of the server and back again has the token where it belongs", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const hops = ["https://elsewhere.example/", `${MCP}/back`];
    const { fetch, calls } = createRecorder((_, call) =>
      hops[call - 1] === undefined ? noContent() : redirectTo(hops[call - 1] ?? ""),
    );
    await createAuthFetch(session, { fetch })(MCP);

    expect(calls.map(({ authorization }) => authorization !== null)).toEqual([true, false, true]);
  });

  it.each([307, 308])("with %i keeps method and body", async (status) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder((_, call) => (call === 1 ? redirectTo(`${MCP}/v2`, status) : noContent()));
    await createAuthFetch(session, { fetch })(MCP, { method: "POST", body: "{}" });

    expect(calls[1]?.init).toMatchObject({ method: "POST", body: "{}" });
  });

  it.each([
    ["of a POST that would become a GET", 302, { method: "POST", body: "{}" }],
    ["of a POST that says so", 303, { method: "post", body: "{}" }],
    ["of a stream", 307, { method: "POST", body: stream("{}"), duplex: "half" as const }],
  ])("%s is handed back", async (_, status, init) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const answer = redirectTo(`${MCP}/v2`, status);
    const { fetch, calls } = createRecorder(() => answer);

    expect(await createAuthFetch(session, { fetch })(MCP, init)).toBe(answer);
    expect(calls).toHaveLength(1);
  });

  it.each([
    [304, {}],
    [300, { location: MCP }],
    [302, {}],
  ])("is not what %i with %j is", async (status, headers) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const answer = new Response(null, { status, headers });
    const { fetch, calls } = createRecorder(() => answer);

    expect(await createAuthFetch(session, { fetch })(MCP)).toBe(answer);
    expect(calls).toHaveLength(1);
  });

  it.each([
    ["for ever", (call: number) => redirectTo(`${MCP}/${call}?secret=1`), 4],
    ["to another scheme", () => redirectTo("file:///etc/passwd"), 1],
  ])("%s is refused", async (_, answer, requests) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder((_url, call) => answer(call));
    const error = await failureOf(createAuthFetch(session, { fetch })(`${MCP}?secret=1`));

    expect(error).toMatchObject({ code: "redirect_refused", url: MCP, status: 302 });
    expect(String(error)).not.toContain("secret");
    expect(calls).toHaveLength(requests);
  });

  it.each(["error", "manual"] as const)("is the caller's business when it says %s", async (redirect) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const answer = redirectTo(`${MCP}/v2`);
    const { fetch, calls } = createRecorder(() => answer);

    expect(await createAuthFetch(session, { fetch })(MCP, { redirect })).toBe(answer);
    expect(calls.map(({ init }) => init?.redirect)).toEqual([redirect]);
  });

  it.each([401, 403])("to elsewhere that ends with %i says nothing about our token", async (status) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const before = await session.authorize(approvedBy(server));
    const refusal = new Response("theirs", {
      status,
      headers: { "www-authenticate": 'Bearer error="insufficient_scope", scope="everything"' },
    });
    const { fetch, calls } = createRecorder((_, call) =>
      call === 1 ? redirectTo("https://elsewhere.example/") : refusal,
    );
    const response = await createAuthFetch(session, { fetch })(MCP);

    expect(response).toBe(refusal);
    expect(await response.text()).toBe("theirs");
    expect(calls).toHaveLength(2);
    expect(await session.getTokens()).toEqual(before);
    expect(server.counts.refresh).toBe(0);
  });

  it("of a request without a token to elsewhere that ends with 401 does not say where to log in", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { fetch } = createRecorder(() => {
      const headers = { "www-authenticate": 'Bearer resource_metadata="https://evil.example/metadata"' };
      const response = new Response("theirs", { status: 401, headers });
      Object.defineProperties(response, { redirected: { value: true }, url: { value: "https://evil.example/" } });
      return response;
    });
    const onAuthorizationRequired = vi.fn();
    const response = await createAuthFetch(session, { fetch, onAuthorizationRequired })(MCP);

    expect(await response.text()).toBe("theirs");
    expect(onAuthorizationRequired).not.toHaveBeenCalled();
  });

  it("within the server that ends with 401 leads to a refresh, and to the redirect again", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder((url, call) =>
      url === MCP ? redirectTo(`${MCP}/v2`) : new Response(null, { status: call === 2 ? 401 : 200 }),
    );

    expect((await createAuthFetch(session, { fetch })(MCP)).status).toBe(200);
    expect(calls.map(({ url }) => url)).toEqual([MCP, `${MCP}/v2`, MCP, `${MCP}/v2`]);
    expect(server.counts.refresh).toBe(1);
  });

  it("is followed by the browser where it tells nothing, and a 401 from elsewhere is handed back", async () => {
    vi.stubGlobal("navigator", { userAgent: "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/150.0" });
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    let endedAt = "https://elsewhere.example/";
    const { fetch, calls } = createRecorder((_, call) => {
      const response = new Response(null, { status: call === 3 ? 200 : 401 });
      Object.defineProperties(response, { redirected: { value: true }, url: { value: endedAt } });
      return response;
    });
    const authFetch = createAuthFetch(session, { fetch });
    expect((await authFetch(MCP)).status).toBe(401);
    expect(server.counts.refresh).toBe(0);
    endedAt = `${MCP}/v2`;
    expect((await authFetch(MCP)).status).toBe(200);

    expect(server.counts.refresh).toBe(1);
    expect(calls.map(({ init }) => init?.redirect)).toEqual([undefined, undefined, undefined]);
  });
});

describe("an answer that is no 401, and no 403 that asks for scope,", () => {
  it.each<[number, Record<string, string>, string]>([
    [400, {}, "[spec-3.8-06]"],
    [404, {}, "[spec-7]"],
    [405, {}, "[spec-7]"],
    [500, {}, ""],
    [403, {}, "[spec-3.8-05]"],
    [403, { "www-authenticate": 'Bearer error="invalid_token"' }, "[spec-3.8-05]"],
    [400, { "www-authenticate": 'Bearer error="insufficient_scope", scope="x"' }, "[spec-102]"],
  ])("is handed back untouched: %i %j %s", async (status, headers) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const before = await session.authorize(approvedBy(server));
    const answer = new Response("body", { status, headers });
    const { fetch, calls } = createRecorder(() => answer);
    const authFetch = createAuthFetch(session, {
      fetch,
      onAuthorizationRequired: () => Promise.reject(new Error("nobody was to be asked")),
    });

    const response = await authFetch(server.serverUrl, { method: "POST", body: "{}" });
    expect(response).toBe(answer);
    expect(await response.text()).toBe("body");
    expect(calls).toHaveLength(1);
    expect(await session.getTokens()).toEqual(before);
  });
});

describe("what the underlying fetch rejects with", () => {
  it("is what the caller gets", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const failure = new TypeError("fetch failed");
    const authFetch = createAuthFetch(session, { fetch: () => Promise.reject(failure) });
    expect(await failureOf(authFetch(server.serverUrl))).toBe(failure);
    await session.authorize(approvedBy(server));
    expect(await failureOf(authFetch(server.serverUrl))).toBe(failure);
    expect(await failureOf(authFetch("https://elsewhere.example/"))).toBe(failure);
  });

  it("is the caller's own reason when it aborts, also while the token is renewed", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const reason = new Error("enough");
    const authFetch = createAuthFetch(session);
    expect(await failureOf(authFetch(server.serverUrl, { signal: AbortSignal.abort(reason) }))).toBe(reason);

    server.advance(86_400_000);
    const controller = new AbortController();
    const work = failureOf(authFetch(new Request(server.serverUrl, { signal: controller.signal })));
    controller.abort(reason);
    expect(await work).toBe(reason);
    expect((await authFetch(server.serverUrl)).status).toBe(200);
    expect(server.counts.refresh).toBe(1);
  });
});
