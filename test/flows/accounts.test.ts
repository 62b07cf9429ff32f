import { describe, expect, it } from "vitest";
import type { AuthSession, KVStore } from "../../src/index.js";
import { createAuthFetch } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { FakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, viewOf } from "../support/host.js";
import { createRecorder, noContent } from "../support/recorder.js";

const DAY = 86_400_000;

/** The token that the MCP server receives from a session. */
async function tokenSentBy(session: AuthSession, server: FakeAuthServer): Promise<string | undefined> {
  const { calls, fetch } = createRecorder(noContent);
  await createAuthFetch(session, { fetch })(server.serverUrl);
  return calls.at(-1)?.authorization?.replace(/^Bearer /, "");
}

describe("tokens belong to one account [pain-37]", () => {
  // the host chooses them: names, addresses, and what looks like a part of the keys that the library makes of them
  const subjects = [undefined, "alice", "Alice", "alice ", "bob", "-", "=alice", "alice:user:-", "%61lice", "älice"];

  it("whatever it is called, in one process or another", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const sessionOf = (store: KVStore, subject: string | undefined): AuthSession =>
      createHost(server, { store }).client.session(server.serverUrl, { subject });
    const own: string[] = [];
    for (const subject of subjects) {
      expect(await sessionOf(viewOf(backing), subject).getTokens()).toBeUndefined();
      own.push((await sessionOf(viewOf(backing), subject).authorize(approvedBy(server))).accessToken);
    }

    expect(new Set(own).size).toBe(subjects.length);
    for (const [index, subject] of subjects.entries()) {
      expect(await tokenSentBy(sessionOf(viewOf(backing), subject), server)).toBe(own[index]);
    }
  });

  it("also when that of another is renewed, refused or given back", async () => {
    const server = createFakeAuthServer();
    const { client } = createHost(server);
    const [alice, bob, carol] = ["alice", "bob", "carol"].map((subject) =>
      client.session(server.serverUrl, { subject }),
    );
    const before = await bob?.authorize(approvedBy(server));
    await alice?.authorize(approvedBy(server));
    await carol?.authorize(approvedBy(server));
    server.advance(DAY);
    const renewed = await alice?.getAccessToken();
    server.faults.add({ endpoint: "refresh", fault: "invalid_grant" });
    expect(await carol?.getAccessToken()).toBeUndefined();
    expect(await bob?.getTokens()).toEqual(before);
    await alice?.signOut();

    const after = await bob?.getAccessToken();
    expect(after).toBeTypeOf("string");
    expect([before?.accessToken, renewed]).not.toContain(after);
  });
});

describe("tokens belong to one server [pain-37]", () => {
  it("which is the same however its URL is written, whoever asks", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const { accessToken } = await createHost(server, { store: viewOf(backing) }).session.authorize(approvedBy(server));
    const { origin, pathname } = new URL(server.serverUrl);
    const upperCase = origin.replace(/\/\/.*/, (host) => host.toUpperCase());
    for (const url of [
      new URL(server.serverUrl),
      `${upperCase}${pathname}`,
      `${origin}:443${pathname}`,
      `${server.serverUrl}/`,
      `${server.serverUrl}#part`,
    ]) {
      const { client } = createHost(server, { store: viewOf(backing), clientMetadata: { client_name: "Another" } });
      expect(await client.session(url).getAccessToken(), String(url)).toBe(accessToken);
    }
    expect(server.counts.authorization).toBe(1);
  });

  it("and no other, be it one path or one query away", async () => {
    const server = createFakeAuthServer();
    const { client, session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { origin, pathname } = new URL(server.serverUrl);
    for (const url of [
      origin,
      `${server.serverUrl}/other`,
      `${server.serverUrl}2`,
      `${origin}${pathname.toUpperCase()}`,
      `${server.serverUrl}?tenant=2`,
      `${origin}:8443${pathname}`,
    ]) {
      expect(await client.session(url).getAccessToken(), url).toBeUndefined();
    }
  });
});
