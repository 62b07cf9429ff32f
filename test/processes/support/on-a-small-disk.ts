// A host on a disk of 256 KiB, in the one mount namespace that it has for itself: unshare --map-root-user --mount node on-a-small-disk.ts FOLDER
import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createAuthClient, createAuthFetch, isAuthError } from "mcp-oauth-client";
import { createFileStore } from "mcp-oauth-client/node";
import { createFakeAuthServer } from "mcp-oauth-client/testing";

/** What a request came to, and what the authorization server has seen until then. */
export interface DiskReport {
  readonly when: string;
  readonly outcome: number | string;
  readonly refreshes: number;
  readonly logins: number;
}

const [folder = ""] = process.argv.slice(2);
const filler = join(folder, "filler");
const mount = (...args: string[]): void => {
  const { status, stderr } = spawnSync("mount", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`mount ${args.join(" ")}: ${stderr}`);
};
mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", folder);

const server = createFakeAuthServer();
let duringRefresh: (() => void) | undefined;
const fetch: typeof server.fetch = async (input, init) => {
  const response = await server.fetch(input, init);
  if (new Request(input).url.endsWith("/token")) duringRefresh?.();
  return response;
};
const store = createFileStore({ directory: join(folder, "store"), now: server.now });
const startHost = () =>
  createAuthClient({ clientMetadata: { client_name: "Test" }, store, fetch, now: server.now }).session(
    server.serverUrl,
  );
const session = startHost();
const remount = (mode: "ro" | "rw"): void => mount("-o", `remount,${mode}`, folder);

function fill(): void {
  const file = openSync(filler, "w");
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch {
    // no space is left
  } finally {
    closeSync(file);
  }
}

async function request(when: string, asking = session): Promise<void> {
  let outcome: number | string;
  try {
    outcome = (await createAuthFetch(asking)(server.serverUrl)).status;
  } catch (error) {
    outcome = isAuthError(error) ? error.code : String(error);
  }
  const report: DiskReport = {
    when,
    outcome,
    refreshes: server.counts.refresh,
    logins: server.counts.authorization,
  };
  console.log(JSON.stringify(report));
}

await session.authorize({ redirectUri: "http://127.0.0.1:8976/callback", interact: (url) => server.approve(url) });
await request("at first");

server.advance(86_400_000);
fill();
await request("full");
rmSync(filler);
await request("free again");

remount("ro");
await request("read-only, with a fresh token");
await request("read-only, after a restart", startHost());
server.advance(86_400_000);
await request("read-only, with an expired token");
remount("rw");
await request("writable again");

server.advance(86_400_000);
duringRefresh = () => remount("ro");
await request("read-only since the answer");
duringRefresh = undefined;
await request("read-only still");
remount("rw");
await request("writable again");
