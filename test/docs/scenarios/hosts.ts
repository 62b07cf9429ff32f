import type { AuthFetch, KVStore } from "mcp-oauth-client";
import { expect, vi } from "vitest";
import { until } from "../../support/host.ts";
import { createMemoryStorage } from "../../support/memory-storage.ts";
import { startWorld, type Scenario } from "./scenario.ts";

const ORIGIN = "https://app.example.com";

/** Makes this process a page. */
function visit(href: string, more: object = {}): { readonly assigned: string[] } {
  const assigned: string[] = [];
  const location = { href, origin: ORIGIN, assign: (url: URL) => void assigned.push(url.href), ...more };
  vi.stubGlobal("location", location);
  vi.stubGlobal("history", {
    replaceState: (_state: null, _title: string, url: string) => (location.href = new URL(url, ORIGIN).href),
  });
  return { assigned };
}

export const hosts: Readonly<Record<string, Scenario>> = {
  async "docs/web-servers.md › The smallest program"(load) {
    const server = startWorld();
    interface Login {
      readonly start: (userId: string, serverUrl: string) => Promise<Response>;
      readonly finish: (userId: string, request: Request) => Promise<Response>;
      readonly fetchAs: (userId: string, serverUrl: string) => AuthFetch;
    }
    const { createMcpLogin } = await load<{ createMcpLogin: (store: KVStore, origin: string) => Login }>();
    const store = new Map<string, string>();
    const { headers } = await createMcpLogin(store, ORIGIN).start("alice", server.serverUrl);
    const callback = await server.approve(headers.get("location") ?? "");
    const cookie = headers.get("set-cookie")?.split(";")[0] ?? "";

    // another process
    const { finish, fetchAs } = createMcpLogin(store, ORIGIN);
    const returned = (cookies: string): Request => new Request(callback, { headers: { cookie: cookies } });
    await expect(finish("mallory", returned(cookie))).rejects.toMatchObject({ code: "subject_mismatch" });
    await expect(finish("alice", returned(""))).rejects.toMatchObject({ code: "state_unknown" });
    expect(await (await finish("alice", returned(cookie))).text()).toBe(`You are logged in at ${server.serverUrl}.`);
    expect((await fetchAs("alice", server.serverUrl)(server.serverUrl)).status).not.toBe(401);
    expect((await fetchAs("mallory", server.serverUrl)(server.serverUrl).catch(() => undefined))?.ok).not.toBe(true);
  },

  async "docs/browsers.md › The smallest program"(load) {
    const server = startWorld();
    const storage = createMemoryStorage();
    vi.stubGlobal("sessionStorage", storage);
    const { assigned } = visit(`${ORIGIN}/`);
    const page = await load<{ login: (serverUrl: string) => Promise<void>; finish: () => Promise<void> }>();
    await page.login(server.serverUrl);
    const callback = await server.approve(assigned[0] ?? "");

    visit(callback.href);
    await page.finish();
    expect(location.href).toBe(`${ORIGIN}/`);
    expect(server.counts.token).toBe(1);
    await page.finish(); // a reload
    visit(callback.href); // the back button
    await expect(page.finish()).rejects.toMatchObject({ code: "state_unknown" });
    expect(server.counts.token).toBe(1);
  },

  async "docs/browsers.md › In a window of its own"(load) {
    const server = startWorld();
    const shown: string[] = [];
    const popup = { opener: {}, close: () => undefined, location: { replace: (url: string) => void shown.push(url) } };
    vi.stubGlobal("close", () => undefined);
    vi.stubGlobal("open", () => popup);
    visit(`${ORIGIN}/`);
    const page = await load<{ login: (signal: AbortSignal) => Promise<void>; callbackPage: () => void }>();
    const login = page.login(new AbortController().signal);
    await until(() => shown.length === 1);
    visit((await server.approve(shown[0] ?? "")).href);
    page.callbackPage();
    await login;
    expect(server.counts.token).toBe(1);

    vi.stubGlobal("open", () => null);
    visit(`${ORIGIN}/`);
    const log = vi.spyOn(console, "log").mockReturnValue();
    await page.login(new AbortController().signal);
    expect(log).toHaveBeenCalledWith(expect.stringContaining("use the redirect"));
  },
};
