import type { AuthClient } from "mcp-oauth-client";
import { expect, vi } from "vitest";
import { createClient, logIn, spyOnConsole, startWorld, type Scenario } from "./scenario.ts";

export const adapters: Readonly<Record<string, Scenario>> = {
  async "docs/adapters.md › `createAuthFetch`"(load) {
    const server = startWorld();
    vi.stubGlobal("session", await logIn(createClient().session(server.serverUrl), server));
    await load();
    expect(server.requests).toContainEqual(expect.objectContaining({ endpoint: "resource", status: 200 }));
  },

  async "docs/adapters.md › Many servers, one place to ask the user"(load) {
    const { fetch } = globalThis;
    let server = startWorld({ requiredScope: "notes:read" });
    let allows = true;
    vi.stubGlobal("visit", async (url: URL) => fetch(await (allows ? server.approve(url) : server.deny(url))));
    const log = spyOnConsole();
    interface Framework {
      readonly connect: (
        serverUrl: string,
        signal: AbortSignal,
      ) => Promise<{ readonly close?: () => Promise<void>; readonly tryLater?: boolean; readonly problem?: string }>;
    }
    const { connect } = await load<Framework>({ "openUrl: openBrowser": "openUrl: visit" });
    const { signal } = new AbortController();
    await (await connect(server.serverUrl, signal)).close?.();
    expect(log()).toContain(`Log in at ${server.serverUrl}`);
    expect(log()).toContain("authorized");
    expect(server.counts.token).toBe(1);

    server = startWorld({ serverUrl: "https://down.example.com/mcp", issuer: "https://down.example.com" });
    server.faults.add({ fault: "503_retry_after", endpoint: "authorizationServerMetadata" });
    expect(await connect(server.serverUrl, signal)).toMatchObject({ tryLater: true });
    allows = false;
    expect(await connect(server.serverUrl, signal)).toMatchObject({
      tryLater: false,
      problem: expect.stringContaining("refused the login") as string,
    });
    server = startWorld({
      serverUrl: "https://old.example.com/mcp",
      issuer: "https://old.example.com",
      registration: "none",
    });
    expect(await connect(server.serverUrl, signal)).toMatchObject({ tryLater: false });
    server.faults.add({ fault: "network_error", endpoint: "resource" });
    expect(await connect(server.serverUrl, signal)).toMatchObject({ tryLater: true });
    const reason = new Error("cancelled");
    await expect(connect(server.serverUrl, AbortSignal.abort(reason))).rejects.toBe(reason);
  },

  async "docs/adapters.md › `createAuthProvider`"(load) {
    const server = startWorld();
    const session = createClient().session(server.serverUrl);
    const askUser = vi.fn(() => logIn(session, server));
    vi.stubGlobal("session", session);
    vi.stubGlobal("logIn", askUser);
    await load();
    expect(askUser).toHaveBeenCalledOnce();
    expect(server.requests).toContainEqual(expect.objectContaining({ endpoint: "resource", status: 200 }));
  },

  async "docs/adapters.md › `createOAuthClientProvider`"(load) {
    const server = startWorld();
    const client: AuthClient = createClient();
    vi.stubGlobal("client", client);
    const log = spyOnConsole();
    interface Agent {
      readonly finish: (callbackUrl: string) => Promise<unknown>;
      readonly tools: () => Promise<readonly { readonly name: string }[]>;
    }
    const agent = await load<Agent>();
    await expect(agent.tools()).rejects.toThrow();
    await agent.finish((await server.approve(/Open (\S+)/.exec(log())?.[1] ?? "")).href);
    expect((await agent.tools()).map(({ name }) => name)).toEqual(["read_notes"]);
  },

  async "docs/adapters.md › `createAiSdkAuthProvider`"(load) {
    const server = startWorld();
    vi.stubGlobal("session", await logIn(createClient().session(server.serverUrl), server));
    interface Client {
      tools(): Promise<object>;
      close(): Promise<void>;
    }
    const { mcp } = await load<{ mcp: Client }>();
    expect(Object.keys(await mcp.tools())).toEqual(["read_notes"]);
    await mcp.close();
  },
};
