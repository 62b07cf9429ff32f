import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { runFile } from "../support/run-file.ts";
import { startServedMcpServer } from "../support/served-mcp-server.ts";

const example = join(import.meta.dirname, "../../examples/web-server-split/main.ts");

/** A request of a browser that follows no redirect; `cookie` as it would send it back. */
const visit = (url: string | URL, cookie = ""): Promise<Response> =>
  fetch(url, { redirect: "manual", headers: { cookie } });
const locationOf = (response: Response): string => response.headers.get("location") ?? "";
const cookieOf = (response: Response): string => response.headers.get("set-cookie")?.split(";")[0] ?? "";

it("the web example starts in one process and finishes in another, in the browser that started", async () => {
  const server = await startServedMcpServer();
  const directory = mkdtempSync(join(tmpdir(), "web-server-split-"));
  const port = String(await freePort());
  const origin = `http://127.0.0.1:${port}`;
  const start = () => runFile(example, { args: [server.serverUrl], env: { PORT: port, STORE: directory } });
  const first = start();
  try {
    await first.waitFor(/Open /);
    expect(locationOf(await visit(`${origin}/`))).toBe("/login");
    const login = await visit(`${origin}/login`);
    const cookie = cookieOf(login);
    expect(cookie).toMatch(/^login=[\w-]{43}$/);
    const callback = locationOf(await visit(locationOf(login)));
    expect(callback).toMatch(`${origin}/callback?`);
    await first.stop();

    const second = start();
    try {
      await second.waitFor(/Open /);
      expect((await visit(callback)).status).toBe(400);
      expect(locationOf(await visit(callback, cookie))).toBe("/");
      expect(await (await visit(`${origin}/`)).text()).toContain("alice is logged in");
      expect((await visit(callback, cookie)).status).toBe(400);
      expect(server.counts).toMatchObject({ registration: 1, token: 1 });
    } finally {
      await second.stop();
    }
  } finally {
    await first.stop();
    rmSync(directory, { recursive: true });
    await server.close();
  }
});
