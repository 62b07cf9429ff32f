import { describe, expect, it, vi } from "vitest";
import type { AuthClientOptions } from "../../../src/index.js";
import { createAuthClient } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import { approvedBy, createHost } from "../../support/host.js";

describe("createAuthClient", () => {
  it.each([
    ["no client metadata", {}],
    ["null", { clientMetadata: null }],
    ["a name alone", { clientMetadata: "Example" }],
  ])("refuses %s at once", (_, options) => {
    expect(() => createAuthClient(options as unknown as AuthClientOptions)).toThrow(TypeError);
    expect(() => createAuthClient(options as unknown as AuthClientOptions)).toThrow("clientMetadata");
  });

  it.each<[string, object]>([
    ["store.get", { store: {} }],
    ["store.set", { store: { get: () => undefined } }],
    ["store.delete", { store: { get: () => undefined, set: () => undefined } }],
    ["fetch", { fetch: "https://proxy.example.com" }],
    ["onEvent", { onEvent: console }],
  ])("refuses at once what is no function but has to be: %s", (name, wrong) => {
    const options = { clientMetadata: {}, ...wrong } as unknown as AuthClientOptions;
    expect(() => createAuthClient(options)).toThrow(new TypeError(`"${name}" must be a function`));
  });

  it("takes a store whose functions are those of its class", () => {
    expect(() => createAuthClient({ clientMetadata: {}, store: new Map<string, string>() })).not.toThrow();
  });

  it("does nothing until a session is used", () => {
    const touched: string[] = [];
    const note = (what: string) => (): undefined => void touched.push(what);
    const client = createAuthClient({
      clientMetadata: {},
      store: { get: note("get"), set: note("set"), delete: note("delete") },
      fetch: () => Promise.reject(new Error(String(touched.push("fetch")))),
      now: () => touched.push("now"),
      onEvent: note("event"),
    });
    client.session("https://mcp.example.com/mcp", { subject: "alice" });

    expect(touched).toEqual([]);
  });

  it("has a store of its own unless it is given one", async () => {
    const server = createFakeAuthServer();
    const [one, other] = [createHost(server, { store: undefined }), createHost(server, { store: undefined })];
    await one.session.authorize(approvedBy(server));

    expect(await one.client.session(server.serverUrl).getAccessToken()).toBeTypeOf("string");
    expect(await other.session.getAccessToken()).toBeUndefined();
  });
});

describe("a great many sessions", () => {
  it.each(["with", "without"])("of one client work, in a runtime %s weak references", async (which) => {
    if (which === "without") vi.stubGlobal("WeakRef", undefined);
    const server = createFakeAuthServer();
    const { client } = createHost(server);
    const sessions = Array.from({ length: 600 }, (_, index) =>
      client.session(server.serverUrl, { subject: `user-${index}` }),
    );
    // whatever makes requests may need them
    vi.unstubAllGlobals();
    for (const index of [0, 255, 256, 599]) await sessions[index]?.authorize(approvedBy(server));
    const found = await Promise.all(sessions.map((session) => session.getAccessToken()));

    expect(found.flatMap((token, index) => (token === undefined ? [] : [index]))).toEqual([0, 255, 256, 599]);
    expect(new Set(found).size).toBe(5);
    const again = client.session(server.serverUrl, { subject: "user-256" });
    expect(await again.getAccessToken()).toBe(found[256]);
  });

  it("can log in, in a runtime that never has weak references", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server, {
      fetch: async (input, init) => {
        vi.unstubAllGlobals();
        const response = await server.fetch(input, init);
        vi.stubGlobal("WeakRef", undefined);
        return response;
      },
    });
    const login = approvedBy(server, {
      interact: async (url) => {
        vi.unstubAllGlobals();
        const callback = await server.approve(url);
        vi.stubGlobal("WeakRef", undefined);
        return callback;
      },
    });
    const tokens = await session.authorize(login);

    expect(await session.getAccessToken()).toBe(tokens.accessToken);
  });

  it("are given up with their hosts: what nobody holds is not kept", () => {
    const kept = new Set<object>();
    const refs: { target: object | undefined }[] = [];
    vi.stubGlobal(
      "WeakRef",
      class {
        readonly entry: { target: object | undefined };
        constructor(target: object) {
          this.entry = { target };
          refs.push(this.entry);
        }
        deref(): object | undefined {
          return this.entry.target;
        }
      },
    );
    const { client } = createHost(createFakeAuthServer());
    const url = "https://mcp.example.com/mcp";
    for (let index = 0; index < 1000; index += 1) {
      kept.add(client.session(url, { subject: `user-${index}` }));
      const entry = refs.at(-1);
      // as the garbage collector does with what nobody holds
      if (index % 2 === 0 && entry !== undefined) entry.target = undefined;
    }

    expect(refs.length).toBeGreaterThanOrEqual(1000);
    expect(kept.size).toBe(1000);
    expect(client.session(url, { subject: "user-1" })).toMatchObject({ subject: "user-1" });
  });
});
