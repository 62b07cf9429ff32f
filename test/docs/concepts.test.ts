import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createAuthClient, createAuthFetch, type KVStore } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { root } from "../support/documents.ts";
import { approvedBy } from "../support/host.ts";

const page = readFileSync(join(root, "docs/concepts.md"), "utf8");
const [, diagram = ""] = /^```mermaid\n([^]*?)^```$/m.exec(page) ?? [];

/** What the diagram says: requests with who asks whom, statuses, and what is stored and taken. */
function drawn(): readonly string[] {
  return diagram.split("\n").flatMap((line) => {
    const [, request] = /^ *(\w->>\w: (?:GET|POST) .*)$/.exec(line) ?? [];
    const [, answer] = /^ *(\w-->>\w: \d+)$/.exec(line) ?? [];
    const [, record] = /^ *Note over S: (.*)$/.exec(line) ?? [];
    return request ?? answer ?? record ?? [];
  });
}

it("the diagram of docs/concepts.md shows every request, answer and record of a login and of the day after", async () => {
  const events: string[] = [];
  const server = createFakeAuthServer({ consentPage: false });
  const fetch: typeof server.fetch = async (input, init) => {
    const { method, url } = input instanceof Request ? input : new Request(input, init);
    const { host, pathname } = new URL(url);
    const party = host === new URL(server.issuer).host ? "A" : "M";
    const asker = pathname === "/authorize" ? "U" : "S";
    events.push(`${asker}->>${party}: ${method} ${pathname}`);
    const response = await server.fetch(input, init);
    events.push(`${party}-->>${asker}: ${response.status}`);
    return response;
  };
  const records = new Map<string, string>();
  const noun = (key: string): string =>
    ({ issuer: "the server", client: "the registration", pending: "the pending", tokens: "the tokens" })[
      key.split(":")[1] ?? ""
    ] ?? "";
  const note = (verb: string, key: string): void => {
    if (noun(key) !== "") events.push(`${verb} ${noun(key)}`);
  };
  const store: KVStore = {
    get: (key) => records.get(key),
    set: (key, value) => {
      note("stores", key);
      records.set(key, value);
    },
    delete: (key) => records.delete(key),
    take(key) {
      note("takes", key);
      const value = records.get(key);
      records.delete(key);
      return value;
    },
  };
  const client = createAuthClient({ clientMetadata: { client_name: "Test" }, store, fetch, now: server.now });
  const session = client.session(server.serverUrl);
  const authFetch = createAuthFetch(session, {
    onAuthorizationRequired: async ({ scope, challenge }) => {
      const interact = async (url: URL): Promise<URL> => {
        const response = await fetch(url);
        return new URL(response.headers.get("location") ?? "");
      };
      await session.authorize({ ...approvedBy(server, { scope, challenge }), interact });
    },
  });
  await authFetch(server.serverUrl, { method: "POST" });
  server.advance(86_400_000);
  await authFetch(server.serverUrl, { method: "POST" });

  expect(events).toEqual(drawn());
});

it("docs/concepts.md and README tell of the same five nouns", () => {
  const nouns = (text: string): readonly string[] =>
    [...text.matchAll(/^\| \*\*(\w+)\*\* +\| (\S+)/gm)].map(([, name = "", record = ""]) => `${name} ${record}`);
  expect(nouns(page).length).toBe(5);
  expect(nouns(page)).toEqual(nouns(readFileSync(join(root, "README.md"), "utf8")));
});
