import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createApp } from "../../examples/hono-routes/app.ts";
import { freePort } from "../support/free-port.ts";
import { runFile } from "../support/run-file.ts";
import { startServedMcpServer, type ServedMcpServer } from "../support/served-mcp-server.ts";

/** Sends a request of a browser, as which it was signed in and with the cookies that it has. */
type Visit = (url: string, cookie: string) => Promise<Response>;

async function startExpress({ serverUrl }: ServedMcpServer): Promise<readonly [string, Visit]> {
  const origin = `http://127.0.0.1:${await freePort()}`;
  const main = join(import.meta.dirname, "../../examples/express-routes/main.ts");
  const program = runFile(main, { args: [serverUrl], env: { ORIGIN: origin } });
  onTestFinished(() => program.stop());
  await program.waitFor(/Open /);
  return [origin, (url, cookie) => fetch(url, { redirect: "manual", headers: { cookie } })];
}

async function startHono({ serverUrl }: ServedMcpServer): Promise<readonly [string, Visit]> {
  const origin = "https://app.example.com";
  const app = createApp({ serverUrl, origin });
  return [origin, async (url, cookie) => app.fetch(new Request(url, { headers: { cookie } }))];
}

describe.each([
  ["Express", startExpress],
  ["Hono", startHono],
])("the routes for %s", (_name, startRoutes) => {
  it("finish a login once, for the user and the browser that began it", async () => {
    const server = await startServedMcpServer();
    onTestFinished(() => server.close());
    const [origin, visit] = await startRoutes(server);
    expect((await visit(`${origin}/login`, "")).status).toBe(401);
    const login = await visit(`${origin}/login`, "user=alice");
    const cookie = `user=alice; ${login.headers.get("set-cookie")?.split(";")[0] ?? ""}`;
    const callback = await server.approve(login.headers.get("location") ?? "");
    expect(callback.href).toMatch(`${origin}/callback?`);

    expect((await visit(callback.href, cookie.replace(/^user=alice; /, ""))).status).toBe(401);
    const finish = async (cookies: string): Promise<string> => (await visit(callback.href, cookies)).text();
    expect(await finish(cookie.replace("alice", "mallory"))).toBe("subject_mismatch: start again at /login.");
    expect(await finish("user=alice")).toBe("state_unknown: start again at /login.");
    expect(await finish(cookie)).toBe(`alice is logged in at ${server.serverUrl}.`);
    expect(await finish(cookie)).toBe("state_unknown: start again at /login.");
    expect(server.counts).toMatchObject({ registration: 1, token: 1 });
  });
});
