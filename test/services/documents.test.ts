import { join } from "node:path";
import { expect, it } from "vitest";
import type { AuthClient } from "mcp-oauth-client";
import { createFakeAuthServer } from "mcp-oauth-client/testing";
import type { createClient } from "redis";
import { writeDocstrings } from "../support/docstrings.ts";
import { createCodeFolder, examples, root } from "../support/documents.ts";
import { runFile } from "../support/run-file.ts";
import { describeWithService } from "../support/service.ts";

describeWithService("examples that need Redis", "REDIS_URL", (redisUrl) => {
  const write = createCodeFolder();

  it("keep a login there, in docs/stores.md", async () => {
    const { code = "" } = examples.find(({ name }) => name === "docs/stores.md › In Redis") ?? {};
    const own = code.replace("redis://localhost:6379", redisUrl).replace("const redis", "export const redis");
    const module: unknown = await import(write("redis.ts", own));
    const { client, redis } = module as { client: AuthClient; redis: ReturnType<typeof createClient> };
    const server = createFakeAuthServer();
    const listener = await server.listen();
    try {
      await client.session(server.serverUrl).authorize({
        redirectUri: "http://127.0.0.1:8976/callback",
        interact: (url) => server.approve(url),
      });
      expect(await redis.keys("example:oauth:record:v1:tokens:*")).toHaveLength(1);
    } finally {
      await redis.del(await redis.keys("example:oauth:*"));
      redis.destroy();
      await listener.close();
    }
  });

  it("run, in the docstring of createRedisStore", async () => {
    const docstrings = [...writeDocstrings(write)].filter(([, { place }]) => place.startsWith("src/redis/"));
    expect(docstrings).toHaveLength(1);
    const program = runFile(join(root, "test/support/docstring-world.ts"), {
      args: docstrings.map(([file]) => file),
      env: { REDIS_URL: redisUrl },
    });
    expect(await program.exited, program.output()).toBe(0);
    expect(program.output()).toMatch(/^passed /);
  });
});
