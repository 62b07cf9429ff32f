import { expect, it } from "vitest";
import type { TokenKey } from "../../../src/index.js";
import { createMemoryStore, listSessions } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import { approvedBy, createHost } from "../../support/host.js";

const collect = async (list: AsyncIterable<TokenKey>): Promise<readonly TokenKey[]> => {
  const found: TokenKey[] = [];
  for await (const key of list) found.push(key);
  return found.sort((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)));
};

it("lists who has tokens at which servers, and nothing else that is stored", async () => {
  const one = createFakeAuthServer({ serverUrl: "https://mcp.example.com/mcp?tenant=a%20b" });
  const other = createFakeAuthServer({ serverUrl: "https://other.example.com", issuer: "https://auth.other.example" });
  const store = createMemoryStore({ now: one.now });
  const { client } = createHost(one, { store });
  await client.session(one.serverUrl).authorize(approvedBy(one));
  await client.session(one.serverUrl, { subject: "alice:=1" }).authorize(approvedBy(one));
  await createHost(other, { store }).session.authorize(approvedBy(other));
  await createHost(other, { store }).session.startAuthorization({ redirectUri: "http://127.0.0.1:1/callback" });

  const listed = await collect(listSessions(store));
  expect(listed).toEqual([
    { serverUrl: "https://mcp.example.com/mcp?tenant=a%20b", subject: "alice:=1" },
    { serverUrl: "https://mcp.example.com/mcp?tenant=a%20b" },
    { serverUrl: "https://other.example.com" },
  ]);
  for (const { serverUrl, subject } of listed) {
    expect(await client.session(serverUrl, { subject }).getTokens()).toBeDefined();
    await client.session(serverUrl, { subject }).signOut({ localOnly: true });
  }
  expect(await collect(listSessions(store))).toEqual([]);
});

it("lists a Map, which tells all of its keys", async () => {
  const server = createFakeAuthServer();
  const store = new Map<string, string>([["foreign", "{}"]]);
  await createHost(server, { store }).session.authorize(approvedBy(server));
  expect(await collect(listSessions(store))).toEqual([{ serverUrl: server.serverUrl }]);
});

it("says that a store without keys cannot be listed", async () => {
  const store = { get: () => undefined, set: () => undefined, delete: () => undefined };
  await expect(collect(listSessions(store))).rejects.toThrow(TypeError);
});

it("passes over keys that somebody else has made", async () => {
  const store = new Map(
    ["v1:tokens:%:user:-", "v1:tokens:https%3A%2F%2Fa.example:user:=%ff"].map((key) => [key, "{}"]),
  );
  const server = createFakeAuthServer();
  await createHost(server, { store }).session.authorize(approvedBy(server));
  expect(await collect(listSessions(store))).toEqual([{ serverUrl: server.serverUrl }]);
});
