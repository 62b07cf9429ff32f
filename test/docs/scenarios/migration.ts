import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import type { StoredOAuthClientInformation, StoredOAuthTokens } from "@modelcontextprotocol/client";
import { createAuthClient, createMemoryStore, type KVStore } from "mcp-oauth-client";
import { expect, vi } from "vitest";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { createClient, logIn, spyOnConsole, startWorld, type Scenario } from "./scenario.ts";

export const migration: Readonly<Record<string, Scenario>> = {
  async "docs/migration/from-oauth-client-provider.md › Logins that there are"(load) {
    const server = startWorld();
    const before = await (await logIn(createClient().session(server.serverUrl), server)).getTokens();
    const { accessToken = "", refreshToken = "", issuer = "", registration } = before ?? {};
    const tokens = { access_token: accessToken, token_type: "Bearer", refresh_token: refreshToken, expires_in: 60 };
    type TakeOver = (
      store: KVStore,
      serverUrl: string,
      tokens: StoredOAuthTokens,
      client: StoredOAuthClientInformation,
    ) => Promise<void>;
    const { takeOver } = await load<{ takeOver: TakeOver }>();
    const client = { client_id: registration?.clientId ?? "" };
    const store = createMemoryStore();
    const session = createAuthClient({ clientMetadata: { client_name: "Test" }, store }).session(server.serverUrl);

    await takeOver(store, server.serverUrl, { ...tokens, issuer: "https://other.example.com" }, client);
    expect(await session.getTokens()).toBeUndefined();
    await takeOver(store, server.serverUrl, { ...tokens, issuer }, client);
    expect(await session.getAccessToken()).toBe(accessToken);
    server.expireAccessTokens();
    await session.handleChallenge(await server.fetch(server.serverUrl, { method: "POST" }), { accessToken });
    expect(await session.getAccessToken()).not.toBe(accessToken);
    expect(server.counts).toMatchObject({ authorization: 1, refresh: 1 });
  },

  async "docs/migration/from-mcp-remote.md › Before"(load) {
    // no network in the tests: what npx would start is a server on stdio that says how it was started
    const folder = temporaryFolder();
    const resolve = (name: string): string => JSON.stringify(import.meta.resolve(name));
    const program = `#!${process.execPath}
import { writeFileSync } from "node:fs";
const { McpServer } = await import(${resolve("@modelcontextprotocol/server")});
const { StdioServerTransport } = await import(${resolve("@modelcontextprotocol/server/stdio")});
writeFileSync(${JSON.stringify(join(folder, "arguments"))}, process.argv.slice(2).join(" "));
const server = new McpServer({ name: "stand-in", version: "1.0.0" });
server.registerTool("read_notes", {}, () => ({ content: [{ type: "text", text: "no notes" }] }));
await server.connect(new StdioServerTransport());
`;
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "npx"), program);
    chmodSync(join(folder, "npx"), 0o755);
    vi.stubEnv("PATH", [folder, dirname(process.execPath)].join(delimiter));
    const log = spyOnConsole();
    await load();
    expect(log()).toBeTruthy();
    expect(readFileSync(join(folder, "arguments"), "utf8")).toBe("-y mcp-remote https://mcp.example.com/mcp");
  },
};
