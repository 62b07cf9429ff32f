import { createServer } from "node:http";
import type { Server } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CallbackServerError, createAuthClient, createMemoryStore } from "../../../src/index.js";
import type { AuthClientOptions, AuthSession, KVStore } from "../../../src/index.js";
import { authorizeWithLoopback } from "../../../src/node/authorize-with-loopback.js";
import { createFakeAuthServer } from "../../../src/testing/fake-auth-server.js";
import type { FakeAuthServer } from "../../../src/testing/fake-auth-server.js";
import { until } from "../../support/host.js";

const occupied: Server[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const server of occupied.splice(0)) await new Promise((closed) => server.close(closed));
});

/** Occupies a port as another program would. */
function occupy(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    occupied.push(server);
    server.on("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

function openSession(server: FakeAuthServer, store: KVStore, options: Partial<AuthClientOptions> = {}): AuthSession {
  const clientMetadata = { client_name: "Test" };
  return createAuthClient({ clientMetadata, store, fetch: server.fetch, now: server.now, ...options }).session(
    server.serverUrl,
  );
}

/** A user whose browser follows the redirect to the loopback listener. */
const browse =
  (server: FakeAuthServer, visited: URL[] = []) =>
  async (url: URL): Promise<void> => {
    const callback = await server.approve(url);
    visited.push(callback);
    await (await fetch(callback)).text();
  };

const redirectUriOf = (url: URL | undefined): string | undefined => url?.href.replace(/\?.*/, "");

describe("a login through loopback", () => {
  it("ends with tokens, and with nobody listening any more [spec-80, spec-87]", async () => {
    const server = createFakeAuthServer();
    const session = openSession(server, createMemoryStore());
    const visited: URL[] = [];
    const tokens = await authorizeWithLoopback(session, { openUrl: browse(server, visited) });
    expect(await session.getAccessToken()).toBe(tokens.accessToken);
    expect(redirectUriOf(visited[0])).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    await expect(fetch(visited[0] ?? "")).rejects.toThrow();
  });

  it("hands scope and more parameters on to the authorization request", async () => {
    const server = createFakeAuthServer();
    const urls: URL[] = [];
    await authorizeWithLoopback(openSession(server, createMemoryStore()), {
      scope: "mcp:read",
      extraParams: { login_hint: "ada" },
      openUrl: async (url) => {
        urls.push(url);
        await browse(server)(url);
      },
    });
    expect(Object.fromEntries(urls[0]?.searchParams ?? [])).toMatchObject({ scope: "mcp:read", login_hint: "ada" });
  });

  it("uses the port that the client is registered with again, so that nobody registers twice", async () => {
    const server = createFakeAuthServer({ anyLoopbackPort: false });
    const store = createMemoryStore();
    const visited: URL[] = [];
    for (let login = 0; login < 2; login++) {
      await authorizeWithLoopback(openSession(server, store), { force: true, openUrl: browse(server, visited) });
    }
    expect(redirectUriOf(visited[1])).toBe(redirectUriOf(visited[0]));
    expect(server.counts.registration).toBe(1);
  });

  it("registers anew when that port is taken", async () => {
    const server = createFakeAuthServer({ anyLoopbackPort: false });
    const store = createMemoryStore();
    const visited: URL[] = [];
    await authorizeWithLoopback(openSession(server, store), { openUrl: browse(server, visited) });
    await occupy(Number(visited[0]?.port));
    await authorizeWithLoopback(openSession(server, store), { force: true, openUrl: browse(server, visited) });
    expect(visited[1]?.port).not.toBe(visited[0]?.port);
    expect(server.counts.registration).toBe(2);
  });

  it("keeps to the name and the path that a client is pre-registered with", async () => {
    const redirectUris = ["http://localhost/oauth/cb"];
    const clients = [{ client_id: "known", redirect_uris: redirectUris }];
    const server = createFakeAuthServer({ registration: "none", clients });
    const preRegistered = [{ issuer: server.issuer, clientId: "known", redirectUris }];
    const urls: URL[] = [];
    const login = authorizeWithLoopback(openSession(server, createMemoryStore(), { preRegistered }), {
      openUrl: (url) => void urls.push(url),
      readCallbackUrl: async () => Promise.reject(new Error("seen enough")),
    });
    await expect(login).rejects.toThrow("seen enough");
    expect(urls[0]?.searchParams.get("redirect_uri")).toMatch(/^http:\/\/localhost:\d+\/oauth\/cb$/);
  });

  it.each([
    ["localhost", /^http:\/\/localhost:\d+\/callback$/],
    ["::1", /^http:\/\/\[::1\]:\d+\/callback$/],
  ] as const)("uses %s as host when asked to [pain-32]", async (hostname, expected) => {
    const server = createFakeAuthServer();
    const visited: URL[] = [];
    const session = openSession(server, createMemoryStore());
    await authorizeWithLoopback(session, { hostname, openUrl: browse(server, visited) });
    expect(redirectUriOf(visited[0])).toMatch(expected);
  });

  it("uses the caller's port, or says that it is taken [pain-32]", async () => {
    const server = createFakeAuthServer();
    const visited: URL[] = [];
    await authorizeWithLoopback(openSession(server, createMemoryStore()), { openUrl: browse(server, visited) });
    const port = Number(visited[0]?.port);
    const openUrl = browse(server, visited);
    await authorizeWithLoopback(openSession(server, createMemoryStore()), { port, openUrl });
    expect(Number(visited[1]?.port)).toBe(port);
    await occupy(port);
    const login = authorizeWithLoopback(openSession(server, createMemoryStore()), { port, openUrl });
    await expect(login).rejects.toMatchObject({ code: "port_unavailable", port });
    expect(visited).toHaveLength(2);
  });

  it("serves all who ask at once by one login", async () => {
    const server = createFakeAuthServer();
    const session = openSession(server, createMemoryStore());
    const visited: URL[] = [];
    const logins = Array.from({ length: 3 }, async () =>
      authorizeWithLoopback(session, { openUrl: browse(server, visited) }),
    );
    const tokens = await Promise.all(logins);
    expect(new Set(tokens.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect(visited).toHaveLength(1);
  });

  it("does not wait for an opener that waits for the browser", async () => {
    const server = createFakeAuthServer();
    const session = openSession(server, createMemoryStore());
    const openUrl = async (url: URL): Promise<void> => {
      await browse(server)(url);
      await new Promise(() => undefined);
    };
    await expect(authorizeWithLoopback(session, { openUrl })).resolves.toHaveProperty("accessToken");
  });
});

describe("the end of a login that did not succeed", () => {
  it("comes when the user refuses", async () => {
    const server = createFakeAuthServer();
    const session = openSession(server, createMemoryStore());
    const openUrl = async (url: URL): Promise<void> => {
      await fetch(await server.deny(url));
    };
    await expect(authorizeWithLoopback(session, { openUrl })).rejects.toMatchObject({ code: "authorization_denied" });
  });

  it("comes after the time that the caller gave, and frees the port", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const server = createFakeAuthServer();
    const session = openSession(server, createMemoryStore());
    const urls: URL[] = [];
    const openUrl = (url: URL): void => void urls.push(url);
    const login = authorizeWithLoopback(session, { openUrl, timeoutMs: 1_000_000 });
    const refused = expect(login).rejects.toMatchObject({ code: "callback_timeout" });
    await until(() => urls.length === 1);
    await vi.advanceTimersByTimeAsync(1_000_000);
    await refused;
    const { port } = new URL(urls[0]?.searchParams.get("redirect_uri") ?? "");
    await occupy(Number(port));
  });

  it("comes with the caller's own reason when the caller aborts", async () => {
    const server = createFakeAuthServer();
    const session = openSession(server, createMemoryStore());
    const controller = new AbortController();
    const reason = new Error("the user pressed escape");
    const asked: AbortSignal[] = [];
    const login = authorizeWithLoopback(session, {
      signal: controller.signal,
      openUrl: () => undefined,
      readCallbackUrl: async (signal) => {
        asked.push(signal);
        setImmediate(() => controller.abort(reason));
        return new Promise(() => undefined);
      },
    });
    await expect(login).rejects.toBe(reason);
    await until(() => asked[0]?.aborted);
  });

  it("leaves nobody listening when the session fails after the listener was started", async () => {
    let redirectUri = "";
    const session: Pick<AuthSession, "authorize"> = {
      async authorize(options) {
        if (typeof options.redirectUri !== "object" || !("listen" in options.redirectUri))
          throw new TypeError("not late");
        expect(String(options.redirectUri.base)).toBe("http://127.0.0.1/callback");
        const first = String(await options.redirectUri.listen([]));
        redirectUri = String(await options.redirectUri.listen([first]));
        expect(redirectUri).toBe(first);
        throw new Error("the store is full");
      },
    };
    const login = authorizeWithLoopback(session as AuthSession, { openUrl: () => undefined });
    await expect(login).rejects.toThrow("the store is full");
    await occupy(Number(new URL(redirectUri).port));
  });

  it("comes with that reason also when the caller aborts while it is shown the URL", async () => {
    const session = openSession(createFakeAuthServer(), createMemoryStore());
    const controller = new AbortController();
    const reason = new Error("the user pressed escape");
    const openUrl = (): void => controller.abort(reason);
    await expect(authorizeWithLoopback(session, { signal: controller.signal, openUrl })).rejects.toBe(reason);
  });

  it("frees the port at once when the caller aborts, however long the session takes", async () => {
    const controller = new AbortController();
    const session: Pick<AuthSession, "authorize"> = {
      async authorize({ redirectUri }) {
        if (typeof redirectUri !== "object" || !("listen" in redirectUri)) throw new TypeError("not late");
        const { port } = new URL(await redirectUri.listen([]));
        controller.abort();
        await vi.waitFor(() => occupy(Number(port)), { timeout: 60_000 });
        throw new Error("done at last");
      },
    };
    const { signal } = controller;
    const login = authorizeWithLoopback(session as AuthSession, { signal, openUrl: () => undefined });
    await expect(login).rejects.toThrow("done at last");
  });

  it("comes with whatever keeps the listener from starting but a port that is taken", async () => {
    const session: Pick<AuthSession, "authorize"> = {
      async authorize({ redirectUri }) {
        if (typeof redirectUri !== "object" || !("listen" in redirectUri)) throw new TypeError("not late");
        await redirectUri.listen(["http://127.0.0.1/not/../normal", "http://127.0.0.1/callback"]);
        throw new Error("listens elsewhere");
      },
    };
    const login = authorizeWithLoopback(session as AuthSession, { openUrl: () => undefined });
    await expect(login).rejects.toThrow(/^path /);
  });

  it.each([undefined, "xdg-open"])(
    "comes at once when openUrl is %o, with a TypeError that names it",
    async (openUrl) => {
      const session = openSession(createFakeAuthServer(), createMemoryStore());
      const login = authorizeWithLoopback(session, { openUrl: openUrl as never });
      await expect(login).rejects.toThrow(/^openUrl /);
      await expect(login).rejects.toThrow(TypeError);
    },
  );
});

describe("a callback URL that the user pastes [pain-31]", () => {
  it("ends the login where the browser cannot reach the listener", async () => {
    const server = createFakeAuthServer();
    const session = openSession(server, createMemoryStore());
    let callback: URL | undefined;
    const tokens = await authorizeWithLoopback(session, {
      openUrl: async (url) => void (callback = await server.approve(url)),
      readCallbackUrl: async () => {
        await until(() => callback);
        return ` ${callback?.href ?? ""}\n`;
      },
    });
    expect(tokens.accessToken).toBe(await session.getAccessToken());
  });

  it("is asked for again, with the reason, when it cannot be that of this login", async () => {
    const server = createFakeAuthServer();
    const session = openSession(server, createMemoryStore());
    let opened = new URL("about:blank");
    const pastes = [
      () => "127.0.0.1:8976/callback",
      () => opened.href,
      async () => (await server.approve(opened)).search,
    ];
    const told: (string | undefined)[] = [];
    await authorizeWithLoopback(session, {
      openUrl: (url) => void (opened = url),
      readCallbackUrl: async (_, refused) => {
        told.push(refused?.message);
        await until(() => opened.href !== "about:blank");
        return (await pastes[told.length - 1]?.()) ?? "";
      },
    });
    expect(told).toEqual([undefined, expect.stringContaining("no URL"), expect.stringContaining('no "code"')]);
    expect(server.counts).toMatchObject({ authorization: 1, token: 1 });
  });

  it("is no longer asked for when the listener was quicker", async () => {
    const server = createFakeAuthServer();
    const session = openSession(server, createMemoryStore());
    const asked: AbortSignal[] = [];
    await authorizeWithLoopback(session, {
      openUrl: browse(server),
      readCallbackUrl: async (signal) => {
        asked.push(signal);
        return new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(new Error("readline was closed"))),
        );
      },
    });
    expect(asked.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it("is asked for although the browser could not be opened", async () => {
    const server = createFakeAuthServer();
    const session = openSession(server, createMemoryStore());
    let callback: URL | undefined;
    const login = authorizeWithLoopback(session, {
      openUrl: async (url) => {
        callback = await server.approve(url);
        throw new Error("no display");
      },
      readCallbackUrl: async () => {
        await until(() => callback);
        return callback?.href ?? "";
      },
    });
    await expect(login).resolves.toHaveProperty("accessToken");
  });

  it("that never comes leaves a timeout that says that the browser could not be opened either", async () => {
    const failure = new Error("no display");
    const session = stubSession(() => undefined);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const login = authorizeWithLoopback(session, {
      timeoutMs: 1000,
      openUrl: () => {
        throw failure;
      },
      readCallbackUrl: () => new Promise(() => undefined),
    });
    const refused = expect(login).rejects;
    const checks = [
      refused.toBeInstanceOf(CallbackServerError),
      refused.toMatchObject({ code: "callback_timeout", cause: failure }),
      refused.toThrow(/ 1 s: .*; openUrl had failed$/),
    ];
    await until(() => vi.getTimerCount() > 0);
    await vi.advanceTimersByTimeAsync(1000);
    await Promise.all(checks);
  });

  it("is not awaited when the browser could not be opened and nobody can paste", async () => {
    const failure = new Error("no display");
    const openUrl = async (): Promise<void> => Promise.reject(failure);
    const session = openSession(createFakeAuthServer(), createMemoryStore());
    await expect(authorizeWithLoopback(session, { openUrl })).rejects.toBe(failure);
  });

  it("that is of another login, or none at all, is refused by the session", async () => {
    const server = createFakeAuthServer();
    const paste = (text: string): Promise<unknown> =>
      authorizeWithLoopback(openSession(server, createMemoryStore()), {
        openUrl: () => undefined,
        readCallbackUrl: async () => text,
      });
    await expect(paste("http://127.0.0.1:1/callback?code=c&state=other")).rejects.toMatchObject({
      code: "state_unknown",
    });
    await expect(paste("")).rejects.toMatchObject({ code: "callback_invalid" });
    await expect(paste("http://127.0.0.1:1/callback?state=other")).rejects.toMatchObject({ code: "callback_invalid" });
    expect(server.counts.token).toBe(0);
  });
});

/** A session that gets as far as `interact`. */
function stubSession(onCallback: (callback: unknown) => void): AuthSession {
  const session: Pick<AuthSession, "authorize"> = {
    async authorize({ redirectUri, interact, signal }) {
      if (typeof redirectUri === "object" && "listen" in redirectUri) await redirectUri.listen([]);
      onCallback(await interact(new URL("https://as.example/authorize"), { state: "s1", signal }));
      throw new Error("the stub exchanges nothing");
    },
  };
  return session as AuthSession;
}
