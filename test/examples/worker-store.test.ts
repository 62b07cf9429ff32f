import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

vi.setConfig({ testTimeout: 30_000 });
let workerd: Miniflare;

// The object can be restarted here, as Cloudflare does it with a new version or a move to another machine, and its locks are shorter.
const SCRIPT = `
  import { AuthStore as Shipped, storeOf } from "./auth-store.ts";

  export class AuthStore extends Shipped {
    leaseMs = 900;
    restart() { this.ctx.abort("restarted"); }
  }
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  export default {
    async fetch(request, env) {
      const stub = () => env.AUTH_STORE.getByName("auth");
      const [store, other] = [storeOf(stub), storeOf(stub)];
      const seen = {};
      if (new URL(request.url).pathname === "/error") {
        const failure = new Error("the task's own");
        await store.withLock("lock", () => Promise.reject(failure)).catch((error) => (seen.same = error === failure));
        return Response.json(seen);
      }
      await store.set("tokens", "old");
      const held = store.withLock("lock", async (lease) => {
        await stub().restart().catch(() => undefined);
        // a token request
        await wait(200);
        seen.lost = lease.aborted;
        await store.set("tokens", "new");
        return "done";
      });
      await wait(100);
      seen.next = await other.withLock("lock", () => other.get("tokens"));
      seen.held = await held;
      return Response.json(seen);
    },
  };
`;

beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: { contents: SCRIPT, resolveDir: join(import.meta.dirname, "../../examples/worker"), loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "neutral",
    external: ["cloudflare:workers"],
    target: "es2022",
    logLevel: "error",
    write: false,
  });
  workerd = new Miniflare({
    cf: false,
    modules: true,
    script: outputFiles[0]?.text ?? "",
    compatibilityDate: "2026-07-01",
    durableObjects: { AUTH_STORE: "AuthStore" },
  });
  await workerd.ready;
});
afterAll(() => workerd.dispose());

const visit = async (path: string): Promise<unknown> =>
  (await workerd.dispatchFetch(`https://app.example.com${path}`)).json();

it("a lock outlives a restart of the Durable Object: its holder is told, and the next one reads what it stored", async () => {
  expect(await visit("/")).toEqual({ lost: true, next: "new", held: "done" });
});

it("an error of the task comes out of the lock as it was thrown", async () => {
  expect(await visit("/error")).toEqual({ same: true });
});
