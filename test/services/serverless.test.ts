import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { runFile } from "../support/run-file.ts";
import { startServedMcpServer } from "../support/served-mcp-server.ts";
import { describeWithService } from "../support/service.ts";

const ORIGIN = "https://app.example.com";
const folder = join(import.meta.dirname, "../../examples/serverless-two-handlers");

describeWithService("the example with two handlers, on Redis", "REDIS_URL", (redisUrl) => {
  it("finishes in one process what another has begun, which has gone", async () => {
    const server = await startServedMcpServer();
    onTestFinished(() => server.close());
    const env = { ORIGIN, REDIS_URL: redisUrl, MCP_SERVER: server.serverUrl };

    /** Runs a handler in a process of its own. */
    const start = async (name: string) => {
      const file = join(import.meta.dirname, "../support/serve-route.ts");
      const program = runFile(file, { args: [join(folder, name)], env });
      onTestFinished(() => program.stop());
      const origin = (await program.waitFor(/Serving \S+/)).slice("Serving ".length);
      const visit = (path: string, cookie: string) =>
        fetch(`${origin}${path}`, { redirect: "manual", headers: { cookie } });
      return { visit, stop: () => program.stop() };
    };

    const login = await start("login.ts");
    const redirect = await login.visit("/login", "user=alice");
    await login.stop();
    const cookie = `user=alice; ${redirect.headers.get("set-cookie")?.split(";")[0] ?? ""}`;
    const callback = await server.approve(redirect.headers.get("location") ?? "");
    expect(callback.href).toMatch(`${ORIGIN}/callback?`);

    const { visit } = await start("callback.ts");
    const path = callback.pathname + callback.search;
    expect(await (await visit(path, cookie.replace("alice", "mallory"))).text()).toMatch(/^subject_mismatch/);
    expect(await (await visit(path, "user=alice")).text()).toMatch(/^state_unknown/);
    expect(await (await visit(path, cookie)).text()).toMatch(/^alice is logged in; .* status (?!401)/);
    expect(await (await visit(path, cookie)).text()).toMatch(/^state_unknown/);
    expect(server.counts).toMatchObject({ registration: 1, token: 1 });
  });
});
