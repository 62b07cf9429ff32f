import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { runFile } from "../support/run-file.ts";
import { startServedMcpServer } from "../support/served-mcp-server.ts";
import { describeWithService } from "../support/service.ts";

const ORIGIN = "https://app.example.com";
const examples = join(import.meta.dirname, "../../examples");

describeWithService("two handlers, on Redis", "REDIS_URL", (redisUrl) => {
  it.each([
    ["serverless-two-handlers", "login.ts", "callback.ts", "/callback"],
    ["next-routes", "app/mcp/start/route.ts", "app/mcp/callback/route.ts", "/mcp/callback"],
  ])("of %s: one finishes what the other has begun, in a process that has gone", async (folder, begin, end, path) => {
    const server = await startServedMcpServer();
    onTestFinished(() => server.close());
    const env = { ORIGIN, REDIS_URL: redisUrl, MCP_SERVER: server.serverUrl };

    /** Runs a handler in a process of its own. */
    const start = async (name: string) => {
      const file = join(import.meta.dirname, "../support/serve-route.ts");
      const program = runFile(file, { args: [join(examples, folder, name)], env });
      onTestFinished(() => program.stop());
      const origin = (await program.waitFor(/Serving \S+/)).slice("Serving ".length);
      const visit = (url: string, cookie: string) =>
        fetch(`${origin}${url}`, { redirect: "manual", headers: { cookie } });
      return { visit, stop: () => program.stop() };
    };

    const login = await start(begin);
    const redirect = await login.visit("/", "user=alice");
    await login.stop();
    const cookie = `user=alice; ${redirect.headers.get("set-cookie")?.split(";")[0] ?? ""}`;
    const callback = await server.approve(redirect.headers.get("location") ?? "");
    expect(callback.href).toMatch(`${ORIGIN}${path}?`);

    const { visit } = await start(end);
    const url = callback.pathname + callback.search;
    expect(await (await visit(url, cookie.replace("alice", "mallory"))).text()).toMatch(/^subject_mismatch/);
    expect(await (await visit(url, "user=alice")).text()).toMatch(/^state_unknown/);
    expect(await (await visit(url, cookie)).text()).toMatch(/^alice is logged in; .* status (?!401)/);
    expect(await (await visit(url, cookie)).text()).toMatch(/^state_unknown/);
    expect(server.counts).toMatchObject({ registration: 1, token: 1 });
  });
});
