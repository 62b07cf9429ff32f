import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startServedMcpServer, type ServedMcpServer } from "../support/served-mcp-server.ts";

const ORIGIN = "https://app.example.com";
const settings = readFileSync(join(import.meta.dirname, "../../examples/worker/wrangler.toml"), "utf8");
/** A value of wrangler.toml. */
const setting = (name: string): string => new RegExp(`\\b${name} = \\[?"([^"]+)"`).exec(settings)?.[1] ?? "";
let server: ServedMcpServer;
let workerd: Miniflare;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "../../examples/worker/worker.ts")],
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:workers", "node:*"],
    target: "es2022",
    logLevel: "error",
    write: false,
  });
  const script = outputFiles[0]?.text ?? "";
  server = await startServedMcpServer();
  // each is an isolate of its own; they share the Durable Object of the first
  workerd = new Miniflare({
    cf: false,
    workers: ["store", "one", "other"].map((name) => ({
      name,
      modules: true,
      script,
      compatibilityDate: setting("compatibility_date"),
      bindings: { MCP_SERVER: server.serverUrl },
      durableObjects: {
        AUTH_STORE: { className: setting("class_name"), ...(name !== "store" && { scriptName: "store" }) },
      },
    })),
  });
  await workerd.ready;
});

afterAll(async () => {
  await workerd.dispose();
  await server.close();
});

it("has settings that name what the Worker uses", () => {
  expect(setting("main")).toBe("worker.ts");
  expect(settings).toMatch(/^name = "AUTH_STORE"$/m);
  expect(setting("MCP_SERVER")).toBe("https://mcp.example.com/mcp");
  expect(setting("new_sqlite_classes")).toBe(setting("class_name"));
});

/** A request of a user's browser to one of the isolates, which follows no redirect. */
async function visit(isolate: string, url: string | URL, cookie: string) {
  const worker = (await workerd.getWorker(isolate)) as unknown as { readonly fetch: typeof fetch };
  const response = await worker.fetch(String(url), { redirect: "manual", headers: { cookie } });
  return {
    status: response.status,
    location: response.headers.get("location") ?? "",
    cookie: `${cookie}; ${response.headers.get("set-cookie")?.split(";")[0] ?? ""}`,
    text: await response.text(),
  };
}

async function startLogin(user: string): Promise<{ readonly callback: URL; readonly cookie: string }> {
  const { location, cookie } = await visit("one", `${ORIGIN}/login`, `user=${user}`);
  return { callback: await server.approve(location), cookie };
}

it("the worker starts a login in one isolate, finishes it in another, and calls tools in either", async () => {
  expect((await visit("one", `${ORIGIN}/`, "user=alice")).location).toBe(`${ORIGIN}/login`);
  const { authorization, token } = server.counts;
  const { callback, cookie } = await startLogin("alice");
  expect((await visit("other", callback, cookie)).location).toBe(`${ORIGIN}/`);
  for (const isolate of ["one", "other"]) {
    const { text } = await visit(isolate, `${ORIGIN}/`, "user=alice");
    expect(JSON.parse(text)).toEqual({ subject: "alice", tools: ["read_notes"] });
  }
  expect(server.counts).toMatchObject({ registration: 1, authorization: authorization + 1, token: token + 1 });
});

it("the worker finishes a login once, for the user and the browser that began it", async () => {
  const { callback, cookie } = await startLogin("bob");
  const before = server.counts.token;
  expect((await visit("other", callback, cookie.replace("bob", "mallory"))).text).toBe("subject_mismatch");
  expect((await visit("other", callback, "user=bob")).text).toBe("state_unknown");
  expect((await visit("other", callback, cookie)).status).toBe(302);
  expect((await visit("other", callback, cookie)).text).toBe("state_unknown");
  expect((await visit("one", `${ORIGIN}/`, "user=mallory")).location).toBe(`${ORIGIN}/login`);
  expect(server.counts).toMatchObject({ registration: 1, token: before + 1 });
});

it("the worker refreshes once for six requests in two isolates", async () => {
  const { callback, cookie } = await startLogin("carol");
  await visit("other", callback, cookie);
  const before = server.counts.refresh;
  server.expireAccessTokens();
  const visits = ["one", "one", "one", "other", "other", "other"].map((isolate) =>
    visit(isolate, `${ORIGIN}/`, "user=carol"),
  );
  expect((await Promise.all(visits)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  expect(server.counts.refresh).toBe(before + 1);
});
