// The whole life of a login, against an authorization server and an MCP server that others wrote: `npm run demo`.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Client } from "@modelcontextprotocol/client";
import { authorizeWithLoopback } from "mcp-oauth-client/node";
import { startOidcProviderPeer } from "../../test/peers/servers/oidc-provider-peer.ts";
import { createScriptedBrowser } from "../../test/support/scripted-browser.ts";
import { callTool, connect, openSession } from "./host.ts";
import { createNarrator } from "./narrator.ts";

const ACCESS_TOKEN_TTL_SECONDS = 600;
const METADATA_PATH = "/.well-known/oauth-protected-resource/mcp";

const directory = await mkdtemp(join(tmpdir(), "mcp-oauth-demo-"));
const peer = await startOidcProviderPeer({ accessTokenTtlSeconds: ACCESS_TOKEN_TTL_SECONDS });
const browser = createScriptedBrowser();
const { tell, end } = createNarrator(peer.requests);

let clockOffset = 0;
const session = openSession(directory, peer.serverUrl, { now: () => Date.now() + clockOffset });
// A real host passes `openBrowser` here; this browser logs in and agrees by itself.
const openUrl = async (url: URL): Promise<void> => {
  await browser.open(url);
};

console.log(`mcp   ${peer.serverUrl}   an MCP server by the official SDK`);
console.log(`auth  ${peer.issuer}       oidc-provider`);
console.log(`store ${directory}`);

let mcp: Client | undefined;
const call = async (tool: string, input?: Record<string, unknown>): Promise<string> => {
  if (mcp === undefined) throw new Error("not connected");
  return `${tool}: ${await callTool(mcp, tool, input)}`;
};

await tell({
  title: "Connect: the server asks for a login, so discover, register, browser, loopback callback, tokens",
  act: async () => {
    mcp = await connect(session, async ({ scope, challenge, signal }) => {
      await authorizeWithLoopback(session, { openUrl, scope, challenge, signal });
    });
    const tokens = await session.getTokens();
    return `granted ${tokens?.scope ?? "nothing"}, ${tokens?.refreshToken === undefined ? "for once" : "renewable"}`;
  },
  result: "granted mcp:read, renewable",
  requests: [
    "mcp POST /mcp (server/discover) 401",
    `mcp GET ${METADATA_PATH} 200`,
    "auth GET /.well-known/oauth-authorization-server 200",
    "auth POST /reg 201",
    "auth POST /token (authorization_code) 200",
    "mcp POST /mcp (server/discover) 200",
  ],
  browser: true,
});

await tell({
  title: "Call a tool",
  act: () => call("whoami"),
  result: "whoami: alice",
  requests: ["mcp POST /mcp (tools/call whoami) 200"],
});

await tell({
  title: "The access token runs out: the next call renews it first",
  act: async () => {
    clockOffset += ACCESS_TOKEN_TTL_SECONDS * 1000;
    peer.expireAccessTokens();
    return await call("whoami");
  },
  result: "whoami: alice",
  requests: ["auth POST /token (refresh_token) 200", "mcp POST /mcp (tools/call whoami) 200"],
});

await tell({
  title: "A tool that needs more scope: the user is asked, the call goes through",
  act: () => call("write_note", { text: "hello" }),
  result: "write_note: note 1 written",
  requests: [
    "mcp POST /mcp (tools/call write_note) 403",
    `mcp GET ${METADATA_PATH} 200`,
    "auth POST /token (authorization_code) 200",
    "mcp POST /mcp (tools/call write_note) 200",
  ],
  browser: true,
});

await tell({
  title: "A second process finds everything in the store",
  act: async () => {
    const script = fileURLToPath(new URL("./second-process.ts", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, directory, peer.serverUrl], {
      timeout: 30_000,
    });
    return `whoami: ${stdout.trim()}`;
  },
  result: "whoami: alice",
  requests: ["mcp POST /mcp (server/discover) 200", "mcp POST /mcp (tools/call whoami) 200"],
});

const before = await session.getTokens();
await tell({
  title: "Sign out",
  act: async () => {
    const { revoked } = await session.signOut();
    const left = await session.getTokens();
    return `revoked: ${String(revoked)}, ${left === undefined ? "nothing left" : "tokens left"} in the store`;
  },
  result: "revoked: yes, nothing left in the store",
  requests: ["auth POST /token/revocation 200", "auth POST /token/revocation 200"],
});

await tell({
  title: "What someone may have copied before is worth nothing now",
  act: async () => {
    const authorization = `Bearer ${before?.accessToken ?? ""}`;
    const { status } = await fetch(peer.serverUrl, { method: "POST", headers: { authorization } });
    return `the old access token is answered with ${status}`;
  },
  result: "the old access token is answered with 401",
  requests: ["mcp POST /mcp 401"],
});

await mcp?.close();
await peer.close();
await rm(directory, { recursive: true });
process.exitCode = end(new URL("../../.cache/results/demo.json", import.meta.url));
