import { describe, expect, it, vi } from "vitest";
import type { SessionOptions } from "../../src/index.js";
import { createAuthFetch } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost } from "../support/host.js";
import { createRecorder, noContent } from "../support/recorder.js";
import { TOKENS } from "../support/refresh.js";

describe("the token goes to", () => {
  it.each([
    "https://mcp.example.com/mcp",
    "https://mcp.example.com/mcp/",
    "https://mcp.example.com/mcp/messages/1",
    "https://mcp.example.com/mcp?sessionId=1",
    "https://mcp.example.com/mcp#part",
    "HTTPS://MCP.EXAMPLE.COM/mcp",
    "https://mcp.example.com:443/mcp",
    "https://mcp.example.com/other/../mcp",
  ])("%s, a part of the server [spec-97, spec-99]", async (url) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder(noContent);
    const authFetch = createAuthFetch(session, { fetch });
    await authFetch(url);
    await authFetch(new URL(url));
    await authFetch(new Request(url));

    expect(calls.map(({ authorization }) => authorization)).toEqual(
      Array.from({ length: 3 }, () => `Bearer ${accessToken}`),
    );
    expect(calls.some(({ url: sent }) => sent.includes(accessToken))).toBe(false);
  });

  it.each(["GET", "POST", "DELETE", "HEAD", "PUT", "OPTIONS"])(
    "the server with %s as with any method [spec-98]",
    async (method) => {
      const server = createFakeAuthServer();
      const { session } = createHost(server);
      const { accessToken } = await session.authorize(approvedBy(server));
      await createAuthFetch(session)(server.serverUrl, { method });

      expect(server.requests.at(-1)).toMatchObject({
        method,
        endpoint: "resource",
        headers: { authorization: `Bearer ${server.nameOf(accessToken)}` },
      });
    },
  );
});

describe("the token does not go to", () => {
  it.each([
    "https://mcp.example.com/",
    "https://mcp.example.com/mcp-evil",
    "https://mcp.example.com/mcpx/",
    "https://mcp.example.com/other",
    "https://mcp.example.com/mcp/../other",
    "https://mcp.example.com/mcp/%2e%2e/other",
    "https://mcp.example.com/MCP",
    "http://mcp.example.com/mcp",
    "https://mcp.example.com:8443/mcp",
    "https://mcp.example.com.evil.example/mcp",
    "https://evil.example/mcp",
    "https://evil.example/https://mcp.example.com/mcp",
    "https://auth.example.com/token",
    "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
    "https://mcp.example.com/mcp/.well-known/openid-configuration",
    "/mcp",
    "not a url",
  ])("%s, and its 401 is handed back", async (url) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const refusal = new Response(null, { status: 401 });
    const { fetch, calls } = createRecorder(() => refusal);
    const authFetch = createAuthFetch(session, { fetch });
    const init = { headers: { "x-mine": "1" } };

    expect(await authFetch(url, init)).toBe(refusal);
    expect(calls).toEqual([{ url, init, authorization: null }]);
    expect(calls[0]?.init).toBe(init);
    expect(server.counts.refresh).toBe(0);
  });

  it("another path, although the last request was within the server", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder(noContent);
    const authFetch = createAuthFetch(session, { fetch });
    await authFetch(server.serverUrl);
    await authFetch(`${server.serverUrl}-evil`);
    await authFetch("https://evil.example/mcp");

    expect(calls.map(({ authorization }) => authorization !== null)).toEqual([true, false, false]);
  });

  it("the endpoints of an authorization server that lives on the origin of its MCP server", async () => {
    const server = createFakeAuthServer({ serverUrl: "https://mcp.example.com/", issuer: "https://mcp.example.com" });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder(noContent);
    const authFetch = createAuthFetch(session, { fetch });
    const paths = ["", "messages", "token", "token?x=1", "register", "revoke", "authorize", "tokens"];
    for (const path of paths) await authFetch(`https://mcp.example.com/${path}`);

    expect(calls.map(({ authorization }) => authorization !== null)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  it("what is beside the server, although the token's resource covers it", async () => {
    const server = createFakeAuthServer({ resourceMetadata: "root" });
    const { session } = createHost(server);
    const tokens = await session.authorize(approvedBy(server));
    expect(tokens.resource).toBe("https://mcp.example.com");
    const { fetch, calls } = createRecorder(noContent);
    const authFetch = createAuthFetch(session, { fetch });
    await authFetch("https://mcp.example.com/mcp/x");
    await authFetch("https://mcp.example.com/beside");

    expect(calls.map(({ authorization }) => authorization !== null)).toEqual([true, false]);
  });

  it("a part of the server that the resource it is stamped with does not cover", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    await createHost(server, { store }).session.authorize(approvedBy(server));
    const stored = store.get(TOKENS) ?? "";
    store.set(TOKENS, stored.replace(`"resource":"${server.serverUrl}"`, `"resource":"${server.serverUrl}/notes"`));
    const { fetch, calls } = createRecorder(noContent);
    const authFetch = createAuthFetch(createHost(server, { store }).session, { fetch });
    await authFetch(`${server.serverUrl}/notes/1`);
    await authFetch(`${server.serverUrl}/other`);

    expect(calls.map(({ authorization }) => authorization !== null)).toEqual([true, false]);
  });
});

describe("includeUrl", () => {
  it("lets the host name more URLs of the server's origin, and no others", async () => {
    const server = createFakeAuthServer({ issuer: "https://mcp.example.com/auth" });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder(noContent);
    const asked: string[] = [];
    const authFetch = createAuthFetch(session, {
      fetch,
      includeUrl: (url) => (asked.push(url.href), url.pathname !== "/private"),
    });
    const urls = [
      "https://mcp.example.com/messages?sessionId=1",
      "https://mcp.example.com/private",
      "https://other.example.com/messages",
      "https://mcp.example.com/.well-known/oauth-protected-resource",
      "https://mcp.example.com/auth/token",
    ];
    for (const url of urls) await authFetch(url);

    expect(calls.map(({ authorization }) => authorization !== null)).toEqual([true, false, false, false, false]);
    expect(asked.every((url) => url.startsWith("https://mcp.example.com/"))).toBe(true);
  });
});

describe("a request that brings its own Authorization", () => {
  const own = "Basic bWU6bWU=";
  const forms: readonly [string, () => [string | Request, RequestInit?]][] = [
    ["a plain object", () => ["https://mcp.example.com/mcp", { headers: { Authorization: own } }]],
    ["a plain object in lower case", () => ["https://mcp.example.com/mcp", { headers: { authorization: own } }]],
    ["a plain object in capitals", () => ["https://mcp.example.com/mcp", { headers: { AUTHORIZATION: own } }]],
    ["Headers", () => ["https://mcp.example.com/mcp", { headers: new Headers({ authorization: own }) }]],
    [
      "a list",
      () => [
        "https://mcp.example.com/mcp",
        {
          headers: [
            ["x-a", "1"],
            ["aUthorization", own],
          ],
        },
      ],
    ],
    ["a Request", () => [new Request("https://mcp.example.com/mcp", { headers: { authorization: own } })]],
  ];

  it.each(forms)("in %s goes out as it is, and its 401 is its own [spec-4]", async (_, form) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const refusal = new Response(null, { status: 401 });
    const { fetch, calls } = createRecorder(() => refusal);

    expect(await createAuthFetch(session, { fetch })(...form())).toBe(refusal);
    expect(calls.map(({ authorization }) => authorization)).toEqual([own]);
    expect(server.counts.refresh).toBe(0);
  });

  it("is not one that has a header of a similar name", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder(noContent);
    await createAuthFetch(session, { fetch })(server.serverUrl, {
      headers: { "Proxy-Authorization": "x", Authorizatiom: "x" },
    });

    expect(calls[0]?.authorization).toBe(`Bearer ${accessToken}`);
  });
});

describe("a relative URL", () => {
  it("is one of the page's, where there is a page", async () => {
    vi.stubGlobal("location", { href: "https://mcp.example.com/app/index.html" });
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    const { fetch, calls } = createRecorder((url) =>
      url === "/mcp" ? new Response(null, { status: 307, headers: { location: "mcp/moved" } }) : noContent(),
    );
    const authFetch = createAuthFetch(session, { fetch });
    await authFetch("/mcp");
    await authFetch("../other");

    expect(calls.map(({ url, authorization }) => [url, authorization])).toEqual([
      ["/mcp", `Bearer ${accessToken}`],
      ["https://mcp.example.com/mcp/moved", `Bearer ${accessToken}`],
      ["../other", null],
    ]);
  });
});

describe("a session without tokens", () => {
  it("sends its requests as they are, which open servers answer", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { fetch, calls } = createRecorder(() => new Response("open"));
    const init = { method: "POST", body: "{}" };
    const response = await createAuthFetch(session, { fetch })(server.serverUrl, init);

    expect(await response.text()).toBe("open");
    expect(calls[0]?.init).toBe(init);
    expect(server.requests).toEqual([]);
  });

  it("sends through the client's fetch, else through the one of the runtime", async () => {
    const server = createFakeAuthServer();
    await createAuthFetch(createHost(server).session)(server.serverUrl).catch(() => undefined);
    expect(server.counts.resource).toBe(1);

    const { fetch, calls } = createRecorder(noContent);
    const { session } = createHost(server, { fetch: undefined });
    const authFetch = createAuthFetch(session);
    vi.stubGlobal("fetch", fetch);
    await authFetch(server.serverUrl);
    expect(calls).toHaveLength(1);
  });
});

describe("what createAuthFetch is given", () => {
  it("must be a session of this library", () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);

    expect(() => createAuthFetch({ ...session })).toThrow(TypeError);
    expect(() => createAuthFetch({ ...session })).toThrow("session");
  });
});

describe("a session", () => {
  it.each([
    ["nonsense", "not a url"],
    ["another scheme", "ftp://mcp.example.com/mcp"],
    ["a local program", "stdio:server"],
    ["a password", "https://user:password@mcp.example.com/mcp"],
  ])("is refused for %s at once [spec-2]", (_, url) => {
    const { client } = createHost(createFakeAuthServer());
    expect(() => client.session(url)).toThrow(TypeError);
    expect(() => client.session(url)).toThrow("serverUrl");
  });

  it.each([{ subject: "" }, { subject: "\ud800" }, { subject: 7 }, "alice"])("is refused for %j", (options) => {
    const { client } = createHost(createFakeAuthServer());
    const error = new TypeError('"subject" must be a non-empty, well-formed string');
    expect(() => client.session("https://mcp.example.com/mcp", options as SessionOptions)).toThrow(error);
  });

  it("is the same whatever the spelling of its URL, and costs nothing", async () => {
    const server = createFakeAuthServer();
    const { client, session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    const before = server.requests.length;
    for (const url of [
      "HTTPS://MCP.example.com:443/mcp/",
      "https://mcp.example.com/mcp#x",
      new URL(server.serverUrl),
    ]) {
      expect(client.session(url).serverUrl).toBe(server.serverUrl);
      expect(await client.session(url).getAccessToken()).toBe(accessToken);
    }
    expect(server.requests).toHaveLength(before);
  });

  it("can be taken apart, and cannot be changed", async () => {
    const { client, session } = createHost(createFakeAuthServer());
    const functions: Readonly<Record<string, unknown>> = { ...session };
    const getAccessToken = functions["getAccessToken"] as () => Promise<string | undefined>;

    expect(await getAccessToken()).toBeUndefined();
    expect(Object.isFrozen(session) && Object.isFrozen(client)).toBe(true);
  });
});
