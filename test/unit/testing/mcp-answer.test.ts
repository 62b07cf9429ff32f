import * as v2 from "@modelcontextprotocol/client";
import * as v1 from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, it } from "vitest";
import { createAuthClient, createAuthFetch } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServerOptions } from "../../../src/testing.js";

function startServer(options: FakeAuthServerOptions = {}) {
  const server = createFakeAuthServer(options);
  const auth = createAuthClient({ clientMetadata: { client_name: "Notes" }, fetch: server.fetch, now: server.now });
  const fetch = createAuthFetch(auth.session(server.serverUrl), {
    fetch: server.fetch,
    onAuthorizationRequired: async ({ session, scope, challenge }) => {
      const interact = (url: URL) => server.approve(url);
      await session.authorize({ redirectUri: "http://127.0.0.1:8976/callback", scope, challenge, interact });
    },
  });
  return { server, fetch, url: new URL(server.serverUrl) };
}

describe("the MCP server of a fake server", () => {
  it.each([
    [1, () => new v1.Client({ name: "notes", version: "1" }), StreamableHTTPClientTransport],
    [2, () => new v2.Client({ name: "notes", version: "1" }), v2.StreamableHTTPClientTransport],
  ] as const)("is one that the MCP SDK %d connects to, and its tools step up", async (_, createClient, Transport) => {
    const { server, fetch, url } = startServer({
      requiredScope: "notes:read",
      toolScopes: { write_note: "notes:write" },
    });
    const client = createClient() as v2.Client;
    await client.connect(new Transport(url, { fetch }));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["whoami", "write_note"]);
    expect(JSON.stringify(await client.callTool({ name: "whoami" }))).toContain("scope notes:read");
    expect(server.counts.token).toBe(1);
    expect(JSON.stringify(await client.callTool({ name: "write_note" }))).toContain("scope notes:read notes:write");
    expect(server.counts.token).toBe(2);
    await expect(client.callTool({ name: "delete_note" })).rejects.toThrow("toolScopes");
    await client.ping();
    await client.close();
    server.expectNoUnexpectedRequests();
  });

  it("tells accounts apart", async () => {
    const { server, url } = startServer();
    const auth = createAuthClient({ clientMetadata: { client_name: "Notes" }, fetch: server.fetch, now: server.now });
    for (const subject of ["alice", "bob"]) {
      const session = auth.session(url, { subject });
      const interact = (page: URL) => server.approve(page, { subject });
      await session.authorize({ redirectUri: "http://127.0.0.1:8976/callback", interact });
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "whoami" } });
      expect(await (await createAuthFetch(session)(url, { method: "POST", body })).text()).toContain(
        `user ${subject}"`,
      );
    }
  });

  it("says the scope of the token to what is no MCP client", async () => {
    const { fetch, url } = startServer({ requiredScope: "a" });
    expect(await (await fetch(url)).json()).toEqual({ ok: true, scope: "a" });
  });

  it("is asked by hand with curl, which calls all that it sends a form", async () => {
    const { fetch, url } = startServer({ requiredScope: "a" });
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "whoami" } });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    expect(await (await fetch(url, { method: "POST", headers, body })).text()).toContain("scope a");
  });

  it("knows no other methods, and says who would", async () => {
    const { fetch, url } = startServer();
    const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "prompts/list" });
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    expect(await answer.json()).toMatchObject({ id: 7, error: { code: -32_601 } });
  });
});
