import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, viewOf } from "../support/host.js";
import { createFillableStore, createProcesses, DAY, TOKENS } from "../support/refresh.js";

describe("a store in trouble", () => {
  it("that does not take new tokens does not let them spoil a login made elsewhere meanwhile", async () => {
    const server = createFakeAuthServer();
    const { store, backing, fill, makeRoom } = createFillableStore();
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    fill();
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "store_failed" });
    makeRoom();
    const theirs = await createHost(server, { store: viewOf(backing) }).session.authorize(approvedBy(server));

    expect(await session.getAccessToken()).toBe(theirs.accessToken);
    expect(backing.get(TOKENS)).toContain(theirs.accessToken);
  });

  it("that does not take new tokens does not bring back a user who signed out elsewhere meanwhile", async () => {
    const server = createFakeAuthServer();
    const { store, backing, fill, makeRoom } = createFillableStore();
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    fill();
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "store_failed" });
    makeRoom();
    await createHost(server, { store: viewOf(backing) }).session.signOut();

    expect(await session.getAccessToken()).toBeUndefined();
    expect(backing.has(TOKENS)).toBe(false);
  });

  it("that does not take the tokens of a login keeps them, although what it holds is of no use", async () => {
    const server = createFakeAuthServer();
    const { store, backing, fill, makeRoom } = createFillableStore();
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    // bound to a key that this client knows nothing of
    backing.set(TOKENS, (backing.get(TOKENS) ?? "").replace('"tokenType":"Bearer"', '"tokenType":"DPoP"'));
    fill();
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "store_failed" });
    makeRoom();

    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts).toMatchObject({ token: 2, refresh: 0 });
  });

  it("that does not take the tokens of a login keeps those that another process renewed, until it does", async () => {
    const server = createFakeAuthServer();
    const { start, backing } = createProcesses(server);
    const { store, fill, makeRoom } = createFillableStore(backing);
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    const interact = async (url: URL) => {
      await start().session.getAccessToken();
      fill();
      return await server.approve(url);
    };
    const options = approvedBy(server, { interact, force: true });
    await expect(session.authorize(options)).rejects.toMatchObject({ code: "store_failed" });
    makeRoom();
    const accessToken = await session.getAccessToken();
    expect(server.nameOf(accessToken ?? "")).toBe("[access_token 3]");
    expect(backing.get(TOKENS)).toContain(accessToken);
  });

  it("that does not take new tokens has them later from another session, when the one that got them is gone", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const server = createFakeAuthServer();
    const { store, fill, makeRoom } = createFillableStore();
    const { client } = createHost(server, { store });
    // as a web server does, which makes a session for each request
    const request = (): Promise<string | undefined> => client.session(server.serverUrl).getAccessToken();
    await client.session(server.serverUrl).authorize(approvedBy(server));
    server.advance(DAY);
    fill();
    expect(await failureOf(request())).toMatchObject({ code: "store_failed" });
    // what is weakly held lives until the end of a turn
    for (let turn = 0; turn < 3; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
    }
    makeRoom();

    expect(server.nameOf((await request()) ?? "")).toBe("[access_token 2]");
    expect(server.counts).toMatchObject({ authorization: 1, refresh: 1 });
  });
});
