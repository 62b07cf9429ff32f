import * as http from "node:http";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { startCallbackServer } from "../../../src/callback-server/start-callback-server.js";
import type { CallbackServer, StartCallbackServerOptions } from "../../../src/callback-server/start-callback-server.js";
import { isAuthError } from "../../../src/errors.js";
import { until } from "../../support/host.js";
import { isPending, send } from "./send.js";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options?: StartCallbackServerOptions): Promise<CallbackServer> {
  const server = await startCallbackServer(options);
  cleanups.push(() => server.close());
  return server;
}

/** Occupies a port as another program would. */
function occupy(host: string, port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen({ host, port }, () => {
      cleanups.push(() => new Promise((closed) => server.close(closed)));
      resolve((server.address() as { port: number }).port);
    });
  });
}

function openConnection(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port }, () => resolve(socket));
    socket.on("error", reject);
    cleanups.push(() => socket.destroy());
  });
}

/** Lets every server but the real one on `127.0.0.1` fail to listen, or do what `listen` does. */
function replaceListen(listen: (server: http.Server, host: string, proceed: () => void) => void): http.Server[] {
  const made: http.Server[] = [];
  const module = {
    createServer(handler: http.RequestListener): http.Server {
      const server = http.createServer(handler);
      const real = server.listen.bind(server);
      server.listen = (...args: unknown[]): http.Server => {
        listen(server, (args[0] as { host: string }).host, () => void real(...(args as [object])));
        return server;
      };
      made.push(server);
      return server;
    },
  };
  vi.spyOn(process, "getBuiltinModule").mockReturnValue(module);
  return made;
}

const failure = (code: string): Error => Object.assign(new Error(`listen ${code}`), { code });

describe("closing", () => {
  it("ends what waits, and everything later, with callback_server_closed", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1" });
    await server.close();
    await expect(callback).rejects.toMatchObject({ name: "CallbackServerError", code: "callback_server_closed" });
    await expect(server.waitForCallback({ state: "s2" })).rejects.toMatchObject({ code: "callback_server_closed" });
    await server.close();
  });

  it("stops listening [spec-87]", async () => {
    const server = await start({ hostname: "localhost" });
    await server.close();
    await expect(send(server.port, "/callback")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(send(server.port, "/callback", { host: "::1" })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("drops connections that are kept alive, and those that never said anything", async () => {
    const server = await start();
    const silent = await openConnection(server.port);
    const halfway = await openConnection(server.port);
    halfway.write("GET /callback HTTP/1.1\r\nHost:");
    await send(server.port, "/favicon.ico");
    const gone = [silent, halfway].map((socket) => new Promise((resolve) => socket.on("close", resolve)));
    await server.close();
    await Promise.all(gone);
  });

  it("happens at the end of an `await using` block", async () => {
    const server = await start();
    const callback = server.waitForCallback({ state: "s1" });
    await server[Symbol.asyncDispose]();
    await expect(callback).rejects.toMatchObject({ code: "callback_server_closed" });
    expect(Object.isFrozen(server)).toBe(true);
  });

  it("by the signal ends what waits with the caller's own reason", async () => {
    const controller = new AbortController();
    const server = await start({ signal: controller.signal });
    const callback = server.waitForCallback({ state: "s1" });
    const reason = new Error("the application quits");
    controller.abort(reason);
    await expect(callback).rejects.toBe(reason);
    await server.close();
    await expect(server.waitForCallback({ state: "s2" })).rejects.toBe(reason);
    await expect(send(server.port, "/callback")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("takes the listener off the signal", async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    const server = await start({ signal });
    await server.close();
    expect(removed.mock.calls[0]).toEqual(added.mock.calls[0]);
  });

  it("comes first when the signal was aborted before, or while the server started", async () => {
    const reason = new Error("too late");
    await expect(start({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const [server] = replaceListen((_, host, proceed) => {
      controller.abort(reason);
      proceed();
      expect(host).toBe("127.0.0.1");
    });
    expect(server).toBeUndefined();
    await expect(start({ signal: controller.signal })).rejects.toBe(reason);
  });

  it("frees the port when the signal was aborted while the server started", async () => {
    const controller = new AbortController();
    const made = replaceListen((_, __, proceed) => {
      proceed();
      controller.abort();
    });
    await expect(start({ signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
    expect(made.map((server) => server.listening)).toEqual([false]);
  });
});

describe("the port", () => {
  it("that is taken is named in port_unavailable", async () => {
    const port = await occupy("127.0.0.1");
    const error = await start({ port }).catch((caught: unknown) => caught);
    expect(isAuthError(error, "port_unavailable") && error.port).toBe(port);
    expect(String(error)).toContain(`port ${port} of 127.0.0.1 is not available (EADDRINUSE)`);
    expect(error).toHaveProperty("cause.code", "EADDRINUSE");
  });

  it("that no free one can be found for is an error as well", async () => {
    replaceListen((server) => server.emit("error", failure("EPERM")));
    await expect(start()).rejects.toMatchObject({ code: "port_unavailable", port: 0 });
  });

  it("can be used again at once after closing", async () => {
    const server = await start();
    await send(server.port, "/callback");
    await server.close();
    expect((await start({ port: server.port })).port).toBe(server.port);
  });

  it("is not shared with other workers of a cluster", async () => {
    const options: unknown[] = [];
    const listen = vi.spyOn(http.Server.prototype, "listen").mockImplementation(function (this: http.Server, ...args) {
      options.push(args[0]);
      listen.mockRestore();
      return this.listen(...(args as unknown as [object, () => void]));
    });
    await start();
    expect(options).toEqual([{ host: "127.0.0.1", port: 0, exclusive: true }]);
  });
});

describe("localhost", () => {
  it("listens on both families of one port [pain-32]", async () => {
    const server = await start({ hostname: "localhost" });
    expect(server.redirectUri).toBe(`http://localhost:${server.port}/callback`);
    for (const host of ["127.0.0.1", "::1"]) {
      const callback = server.waitForCallback({ state: host });
      const headers = { host: `localhost:${server.port}` };
      const { status } = await send(server.port, `/callback?code=c&state=${encodeURIComponent(host)}`, {
        host,
        headers,
      });
      expect(status).toBe(200);
      expect(await callback).toMatchObject({ code: "c" });
    }
  });

  it("is refused when another program has the port on IPv6, where it could receive the callback", async () => {
    const port = await occupy("::1");
    const made = replaceListen((_, __, proceed) => proceed());
    await expect(start({ hostname: "localhost", port })).rejects.toMatchObject({ code: "port_unavailable", port });
    expect(made).toHaveLength(2);
    await occupy("127.0.0.1", port);
  });

  it("tries other ports when it may choose", async () => {
    let refusals = 0;
    const made = replaceListen((server, host, proceed) => {
      if (host === "::1" && refusals++ < 2) server.emit("error", failure("EADDRINUSE"));
      else proceed();
    });
    await start({ hostname: "localhost" });
    expect(made.map((server) => server.listening)).toEqual([false, false, false, false, true, true]);
  });

  it("gives up after ten ports", async () => {
    const made = replaceListen((server, host, proceed) => {
      if (host === "::1") server.emit("error", failure("EACCES"));
      else proceed();
    });
    await expect(start({ hostname: "localhost" })).rejects.toMatchObject({ code: "port_unavailable" });
    expect(made).toHaveLength(20);
    expect(made.filter((server) => server.listening)).toEqual([]);
  });

  it("does without IPv6 where the machine has none", async () => {
    replaceListen((server, host, proceed) => {
      if (host === "::1") server.emit("error", failure("EADDRNOTAVAIL"));
      else proceed();
    });
    const server = await start({ hostname: "localhost" });
    const callback = server.waitForCallback({ state: "s1" });
    await send(server.port, "/callback?code=c&state=s1", { headers: { host: `localhost:${server.port}` } });
    expect(await callback).toMatchObject({ code: "c" });
  });

  it("refuses a request that comes before both families listen", async () => {
    let early: Promise<{ status: number | undefined }> | undefined;
    const made = replaceListen((_, host, proceed) => {
      if (host !== "::1") {
        proceed();
        return;
      }
      const { port } = made[0]?.address() as { port: number };
      early = send(port, "/callback?code=c&state=s1");
      void early.then(proceed);
    });
    await start({ hostname: "localhost" });
    expect(await early).toMatchObject({ status: 421 });
  });
});

it("listens on IPv6 alone when asked to", async () => {
  const server = await start({ hostname: "::1" });
  expect(server.redirectUri).toBe(`http://[::1]:${server.port}/callback`);
  const callback = server.waitForCallback({ state: "s1" });
  await send(server.port, "/callback?code=c&state=s1", { host: "::1", headers: { host: `[::1]:${server.port}` } });
  expect(await callback).toMatchObject({ code: "c" });
});

it("survives an accept error later on", async () => {
  const made = replaceListen((_, __, proceed) => proceed());
  const server = await start();
  for (let error = 0; error < 2; error++) made[0]?.emit("error", failure("EMFILE"));
  expect((await send(server.port, "/favicon.ico")).status).toBe(404);
});

it.each([undefined, {}])("fails with unsupported_runtime where node:http is %o", async (builtin) => {
  vi.spyOn(process, "getBuiltinModule").mockReturnValue(builtin);
  await expect(start()).rejects.toMatchObject({ name: "CallbackServerError", code: "unsupported_runtime" });
});

it("fails with unsupported_runtime where there is no process, as in a browser", async () => {
  vi.stubGlobal("process", undefined);
  const refused = expect(startCallbackServer()).rejects.toMatchObject({ code: "unsupported_runtime" });
  vi.unstubAllGlobals();
  await refused;
});

it("tells of a callback only when the page is out, so that the host may end the process at once", async () => {
  let sendPage: (() => void) | undefined;
  const createServer = (handler: http.RequestListener): http.Server =>
    http.createServer((request, response) => {
      const end = response.end.bind(response);
      response.end = (...args: unknown[]): http.ServerResponse => {
        sendPage = () => end(...(args as [string, () => void]));
        return response;
      };
      handler(request, response);
    });
  vi.spyOn(process, "getBuiltinModule").mockReturnValue({ createServer });
  const server = await start();
  const callback = server.waitForCallback({ state: "s1" });
  const answer = send(server.port, "/callback?code=c&state=s1");
  await until(() => sendPage);
  expect(await isPending(callback)).toBe(true);
  sendPage?.();
  expect(await callback).toMatchObject({ code: "c" });
  expect(await answer).toMatchObject({ status: 200 });
});

it("tells of a callback whose browser went away before the page was out", async () => {
  const createServer = (handler: http.RequestListener): http.Server =>
    http.createServer((request, response) => {
      response.end = () => response;
      handler(request, response);
      request.socket.destroy();
    });
  vi.spyOn(process, "getBuiltinModule").mockReturnValue({ createServer });
  const server = await start();
  const callback = server.waitForCallback({ state: "s1" });
  await expect(send(server.port, "/callback?code=c&state=s1")).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(await callback).toMatchObject({ code: "c" });
});
