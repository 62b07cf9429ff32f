import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startCallbackServer } from "../../../src/callback-server/start-callback-server.js";
import type { CallbackServer, StartCallbackServerOptions } from "../../../src/callback-server/start-callback-server.js";
import { isPending, send } from "./send.js";

const servers: CallbackServer[] = [];
const start = async (options?: StartCallbackServerOptions): Promise<CallbackServer> => {
  const server = await startCallbackServer(options);
  servers.push(server);
  return server;
};
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe("a callback", () => {
  it("is handed over with everything that it says", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1" });
    const { status } = await send(
      server.port,
      "/callback?code=c%2B1&state=s1&iss=https%3A%2F%2Fas.example&session_state=x",
    );
    expect(status).toBe(200);
    expect(await callback).toEqual({
      url: `${server.redirectUri}?code=c%2B1&state=s1&iss=https%3A%2F%2Fas.example&session_state=x`,
      code: "c+1",
      state: "s1",
      iss: "https://as.example",
    });
  });

  it("with an error is handed over as well, since only the exchange can tell whose error it is", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1" });
    await send(server.port, "/callback?error=access_denied&error_description=no&state=s1");
    expect(await callback).toMatchObject({ error: "access_denied", errorDescription: "no", state: "s1" });
  });

  it("may carry parameters that nobody knows, even twice [spec-86]", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1" });
    await send(server.port, "/callback?code=c&state=s1&hint=a&hint=b");
    expect(await callback).toMatchObject({ code: "c" });
  });

  it("is read the same way by whoever parses its url again", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1" });
    await send(server.port, "/callback?state=s1&code=a#b?c");
    const { url, code } = await callback;
    expect(code).toBe("a#b?c");
    expect(new URL(url).searchParams.get("code")).toBe(code);
  });

  it("that comes before anybody waits for it is refused and forgotten", async () => {
    const server = await start();
    expect((await send(server.port, "/callback?code=c&state=s1")).status).toBe(404);
    expect(await isPending(server.waitForCallback({ state: "s1" }))).toBe(true);
  });

  it("counts once: a reload of the page gets 410 and nobody hears of it", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1" });
    await send(server.port, "/callback?code=first&state=s1");
    const again = await send(server.port, "/callback?code=second&state=s1");
    expect(again.status).toBe(410);
    expect(await callback).toMatchObject({ code: "first" });
    await expect(server.waitForCallback({ state: "s1" })).rejects.toThrow(TypeError);
  });

  it("reaches everybody who waits for its state", async () => {
    const server = await start();
    const both = Promise.all([server.waitForCallback({ state: "s1" }), server.waitForCallback({ state: "s1" })]);
    await send(server.port, "/callback?code=c&state=s1");
    expect((await both).map(({ code }) => code)).toEqual(["c", "c"]);
  });

  it("finds its login among several that share the port", async () => {
    const server = await start();
    const [first, second] = [server.waitForCallback({ state: "s1" }), server.waitForCallback({ state: "s2" })];
    await send(server.port, "/callback?code=two&state=s2");
    expect(await second).toMatchObject({ code: "two" });
    expect(await isPending(first)).toBe(true);
    await send(server.port, "/callback?code=one&state=s1");
    expect(await first).toMatchObject({ code: "one" });
  });

  it("is remembered as settled for the last hundred logins", async () => {
    const server = await start();
    for (let login = 0; login <= 100; login++) {
      const callback = server.waitForCallback({ state: `s${login}` });
      await send(server.port, `/callback?code=c&state=s${login}`);
      await callback;
    }
    expect((await send(server.port, "/callback?code=c&state=s1")).status).toBe(410);
    expect((await send(server.port, "/callback?code=c&state=s0")).status).toBe(404);
  });
});

describe("a login goes on [pain-33]", () => {
  const code = "code=forged";
  it.each([
    ["a favicon request", 404, "/favicon.ico", {}],
    ["a scan of the root", 404, "/", {}],
    ["a path below ours", 404, `/callback/x?${code}&state=right`, {}],
    ["our path in other words", 404, `/%63allback?${code}&state=right`, {}],
    ["a path that is no URL", 404, `//?${code}&state=right`, {}],
    ["a whole URL as target", 404, `http://127.0.0.1/callback?${code}&state=right`, {}],
    ["HEAD, as link previews send it", 405, `/callback?${code}&state=right`, { method: "HEAD" }],
    ["POST", 405, `/callback?${code}&state=right`, { method: "POST" }],
    ["OPTIONS", 405, `/callback?${code}&state=right`, { method: "OPTIONS" }],
    ["the name of a rebinding attacker", 421, `/callback?${code}&state=right`, { headers: { host: "evil.example" } }],
    ["another port in Host", 421, `/callback?${code}&state=right`, { headers: { host: "127.0.0.1:1" } }],
    ["another loopback name", 421, `/callback?${code}&state=right`, { headers: { host: "localhost" } }],
    ["no parameters", 404, "/callback", {}],
    ["no state", 404, `/callback?${code}`, {}],
    ["an empty state", 404, `/callback?${code}&state=`, {}],
    ["another state", 404, `/callback?${code}&state=wrong`, {}],
    ["the beginning of the state", 404, `/callback?${code}&state=righ`, {}],
    ["more than the state", 404, `/callback?${code}&state=right1`, {}],
    ["a forged error with another state", 404, "/callback?error=access_denied&state=wrong", {}],
    ["a forged error without state", 404, "/callback?error=access_denied", {}],
  ])("after %s, answered with %i [spec-81, spec-87]", async (_, status, target, options) => {
    const server = await start();
    const callback = server.waitForCallback({ state: "right" });
    const answer = await send(server.port, target, options);
    expect(answer.status).toBe(status);
    expect(answer.headers.allow).toBe(status === 405 ? "GET" : undefined);
    expect(await isPending(callback)).toBe(true);
    await send(server.port, "/callback?code=real&state=right");
    expect(await callback).toMatchObject({ code: "real" });
  });

  it.each([
    "state=right&state=right",
    "state=wrong&state=right",
    "code=b",
    "iss=a&iss=b",
    "error=a&error=b",
    "error_description=a&error_description=b",
  ])("after a request that says %s, a parameter twice [spec-86]", async (more) => {
    const server = await start();
    const callback = server.waitForCallback({ state: "right" });
    const state = more.includes("state=") ? "" : "&state=right";
    expect((await send(server.port, `/callback?code=a${state}&${more}`)).status).toBe(400);
    expect(await isPending(callback)).toBe(true);
  });

  it("takes the name of the host in any case", async () => {
    const server = await start({ hostname: "localhost" });
    const callback = server.waitForCallback({ state: "s1" });
    await send(server.port, "/callback?code=c&state=s1", { headers: { host: `LocalHost:${server.port}` } });
    expect(await callback).toMatchObject({ code: "c" });
  });
});

describe("the end of waiting", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });

  it("comes after five minutes, and says how long it was", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1" });
    vi.advanceTimersByTime(299_999);
    expect(await isPending(callback)).toBe(true);
    vi.advanceTimersByTime(1);
    await expect(callback).rejects.toMatchObject({
      name: "CallbackServerError",
      code: "callback_timeout",
      message: expect.stringMatching(/300 s: .*cannot reach port \d+/) as string,
    });
  });

  it("says that the browser came back, but not with the state that was sent [spec-81]", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1" });
    await send(server.port, "/callback");
    await send(server.port, "/callback?code=secret&state=s2");
    vi.advanceTimersByTime(300_000);
    const error = (await callback.catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: "callback_timeout", cause: { code: "state_unknown" } });
    expect(error.message).toBe('no callback of this login came within 300 s: one came with another "state", or none');
  });

  it("after a timeout leaves the state free to be waited for again", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1", timeoutMs: 10 });
    vi.advanceTimersByTime(10);
    await expect(callback).rejects.toMatchObject({ code: "callback_timeout" });
    expect((await send(server.port, "/callback?code=late&state=s1")).status).toBe(404);
    const again = server.waitForCallback({ state: "s1" });
    await send(server.port, "/callback?code=c&state=s1");
    expect(await again).toMatchObject({ code: "c" });
  });

  it("leaves no timer and no listener behind", async () => {
    const server = await start();
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, "removeEventListener");
    const callback = server.waitForCallback({ state: "s1", signal });
    await send(server.port, "/callback?code=c&state=s1");
    await callback;
    expect(vi.getTimerCount()).toBe(0);
    expect(removed).toHaveBeenCalledWith("abort", expect.any(Function));
  });

  it("comes with the caller's own reason when the caller aborts", async () => {
    const server = await start();
    const controller = new AbortController();
    const [aborted, other] = [
      server.waitForCallback({ state: "s1", signal: controller.signal }),
      server.waitForCallback({ state: "s2" }),
    ];
    const reason = new Error("the user closed the dialog");
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await expect(server.waitForCallback({ state: "s3", signal: controller.signal })).rejects.toBe(reason);
    expect(await isPending(other)).toBe(true);
    expect((await send(server.port, "/callback?code=c&state=s1")).status).toBe(404);
  });

  it("does not take back a callback that has come", async () => {
    const server = await start();
    const controller = new AbortController();
    const callback = server.waitForCallback({ state: "s1", signal: controller.signal });
    await send(server.port, "/callback?code=c&state=s1");
    controller.abort();
    vi.advanceTimersByTime(300_000);
    expect(await callback).toMatchObject({ code: "c" });
  });

  it.each([
    ["state", { state: "" }],
    ["state", { state: undefined as unknown as string }],
    ["timeoutMs", { state: "s", timeoutMs: 0 }],
    ["timeoutMs", { state: "s", timeoutMs: Number.NaN }],
    ["timeoutMs", { state: "s", timeoutMs: Number.POSITIVE_INFINITY }],
    ["timeoutMs", { state: "s", timeoutMs: 2 ** 31 }],
  ])("rejects a wrong %s by name: %o", async (name, options) => {
    const server = await start();
    const rejection = expect(server.waitForCallback(options)).rejects;
    await rejection.toThrow(TypeError);
    await rejection.toThrow(new RegExp(`^${name} `));
  });
});

describe("wrong arguments", () => {
  it.each<[string, object]>([
    ["port", { port: -1 }],
    ["port", { port: 65_536 }],
    ["port", { port: 80.5 }],
    ["port", { port: "8080" }],
    ["hostname", { hostname: "0.0.0.0" }],
    ["hostname", { hostname: "::" }],
    ["hostname", { hostname: "example.com" }],
    ["hostname", { hostname: "" }],
    ["path", { path: "" }],
    ["path", { path: "callback" }],
    ["path", { path: "/callback?x=1" }],
    ["path", { path: "/callback#x" }],
    ["path", { path: "/a b" }],
    ["path", { path: "/a/../b" }],
    ["path", { path: ":80/callback" }],
    ["publicRedirectUri", { publicRedirectUri: "" }],
    ["publicRedirectUri", { publicRedirectUri: "/callback" }],
    ["publicRedirectUri", { publicRedirectUri: "http://host.example/callback" }],
    ["publicRedirectUri", { publicRedirectUri: "javascript:alert(1)" }],
    ["publicRedirectUri", { publicRedirectUri: "com.example.app:/callback" }],
    ["publicRedirectUri", { publicRedirectUri: "https://host.example/callback#x" }],
    ["page", { page: () => Promise.resolve("<p>later</p>") }],
  ])("reject with a TypeError that names %s: %o", async (name, options) => {
    const rejection = expect(start(options)).rejects;
    await rejection.toThrow(TypeError);
    await rejection.toThrow(new RegExp(`^${name} `));
  });
});

describe("the redirect URI", () => {
  it("is the IP literal with a port of its own choice unless told otherwise [spec-87]", async () => {
    const server = await start();
    expect(server.redirectUri).toBe(`http://127.0.0.1:${server.port}/callback`);
    expect(server.port).toBeGreaterThan(0);
  });

  it("may differ from where the server listens, in containers and behind tunnels [pain-32]", async () => {
    const { port } = await start();
    await servers.pop()?.close();
    const publicRedirectUri = "https://dev.example/oauth/cb?box=7";
    const server = await start({ port, publicRedirectUri });
    expect(server).toMatchObject({ port, redirectUri: publicRedirectUri });
    for (const host of ["dev.example", `127.0.0.1:${port}`]) {
      const callback = server.waitForCallback({ state: host });
      const { status } = await send(port, `/oauth/cb?box=7&code=c&state=${host}`, { headers: { host } });
      expect(status).toBe(200);
      expect((await callback).url).toBe(`https://dev.example/oauth/cb?box=7&code=c&state=${host}`);
    }
    const forwarded = { host: "evil.example", "x-forwarded-host": "dev.example" };
    expect((await send(port, "/oauth/cb?code=c&state=s", { headers: forwarded })).status).toBe(421);
  });

  it("may be shown to the browser with another path than the one that arrives [pain-32]", async () => {
    const server = await start({ path: "/", publicRedirectUri: new URL("http://localhost:8080/apps/7/cb") });
    const callback = server.waitForCallback({ state: "s1" });
    await send(server.port, "/?code=c&state=s1", { headers: { host: "localhost:8080" } });
    expect((await callback).url).toBe("http://localhost:8080/apps/7/cb?code=c&state=s1");
  });
});

describe("the page", () => {
  it("is constant, runs no script, loads nothing and redirects nobody [spec-88, spec-89]", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1" });
    const hostile =
      "redirect_uri=https%3A%2F%2Fevil.example&next=%3Cscript%3Ealert(1)%3C/script%3E&error_description=%3Cb%3E";
    const headers = { connection: "keep-alive" };
    const rejected = await send(server.port, `/callback?state=x&${hostile}`, { headers });
    const received = await send(server.port, `/callback?code=secret-code&state=s1&${hostile}`, { headers });
    await callback;
    for (const { headers, body } of [rejected, received]) {
      expect(headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        connection: "close",
      });
      expect(headers["content-security-policy"]).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; frame-ancestors 'none'$/,
      );
      expect(headers).not.toHaveProperty("location");
      expect(headers).not.toHaveProperty("access-control-allow-origin");
      expect(body).not.toMatch(/script|evil|secret-code|s1|<b>|href|src=|http-equiv/);
    }
    expect(received.body).toContain("You can close this page");
    expect(rejected.body).toContain("not waiting");
    expect(new Set([rejected.body, (await send(server.port, "/favicon.ico")).body]).size).toBe(1);
  });

  it("can be the host's, made before there is any request", async () => {
    const outcomes: string[] = [];
    const page = (outcome: "received" | "rejected"): string => {
      outcomes.push(outcome);
      return `<p style="color:teal">${outcome}`;
    };
    const server = await start({ page });
    const callback = server.waitForCallback({ state: "s1" });
    const rejected = await send(server.port, "/callback?state=x");
    const received = await send(server.port, "/callback?state=s1");
    await callback;
    expect([rejected.body, received.body]).toEqual([
      '<p style="color:teal">rejected',
      '<p style="color:teal">received',
    ]);
    expect(received.headers["content-security-policy"]).toBe(
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    );
    expect(outcomes).toEqual(["received", "rejected"]);
  });

  it("of the host that cannot be made fails the start, not a login", async () => {
    const problem = new Error("template not found");
    const page = (): string => {
      throw problem;
    };
    await expect(start({ page })).rejects.toBe(problem);
  });
});
