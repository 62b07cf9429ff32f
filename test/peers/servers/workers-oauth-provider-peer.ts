import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { build } from "esbuild";
import { Miniflare, Response as WorkerdResponse } from "miniflare";
import { startLoopbackServer } from "./loopback-server.ts";
import { createRequestLog, mcpOperation, pathOf, type RecordedRequest } from "./recorded-request.ts";

export interface WorkersOAuthProviderPeerOptions {
  /** Client ID Metadata Documents by their URL, as the worker finds them when it fetches. */
  readonly clientIdMetadataDocuments?: Readonly<Record<string, object>>;
}

export interface WorkersOAuthProviderPeer {
  readonly serverUrl: string;
  readonly issuer: string;
  readonly requests: RecordedRequest[];
  /** From now on no access token issued before is known; refresh tokens live on. */
  expireAccessTokens(): Promise<void>;
  close(): Promise<void>;
}

/** As much of the runtime's type as is used here. */
interface KVNamespace {
  list(options: { readonly prefix: string }): Promise<{ readonly keys: readonly { readonly name: string }[] }>;
  delete(key: string): Promise<void>;
}

/** `@cloudflare/workers-oauth-provider` around an MCP server, in workerd behind a loopback port. */
export async function startWorkersOAuthProviderPeer(
  options: WorkersOAuthProviderPeerOptions = {},
): Promise<WorkersOAuthProviderPeer> {
  const server = await startLoopbackServer();
  const log = createRequestLog();
  const documents = options.clientIdMetadataDocuments ?? {};
  const workerd = new Miniflare({
    cf: false,
    modules: true,
    script: await bundledWorker(),
    compatibilityDate: "2026-07-01",
    compatibilityFlags: ["global_fetch_strictly_public", "nodejs_compat"],
    bindings: { ORIGIN: server.origin },
    kvNamespaces: ["OAUTH_KV"],
    outboundService: ({ url }: { readonly url: string }) => {
      const document = documents[url];
      return document ? WorkerdResponse.json(document) : new WorkerdResponse(null, { status: 404 });
    },
  });
  await workerd.ready;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ofMcpServer = /^\/(mcp|\.well-known\/oauth-protected-resource)(\/|$)/.test(pathOf(request));
    const body = await buffer(request);
    log.record(ofMcpServer ? "mcp_server" : "authorization_server", request, response, () =>
      ofMcpServer ? mcpOperation(jsonOf(body)) : (new URLSearchParams(body.toString()).get("grant_type") ?? undefined),
    );
    const answer = await workerd.dispatchFetch(`${server.origin}${request.url ?? "/"}`, {
      method: request.method ?? "GET",
      headers: request.headers as Record<string, string>,
      redirect: "manual",
      ...(body.length > 0 && { body }),
    });
    const headers = Object.fromEntries(
      [...answer.headers].filter(([name]) => !["content-encoding", "content-length", "set-cookie"].includes(name)),
    );
    const content = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { ...headers, "set-cookie": answer.headers.getSetCookie() }).end(content);
  }
  server.handle((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  return {
    serverUrl: `${server.origin}/mcp`,
    issuer: server.origin,
    requests: log.requests,
    async expireAccessTokens() {
      const store = (await workerd.getKVNamespace("OAUTH_KV")) as unknown as KVNamespace;
      const { keys } = await store.list({ prefix: "token:" });
      await Promise.all(keys.map(({ name }) => store.delete(name)));
    },
    async close() {
      await Promise.all([server.close(), workerd.dispose()]);
    },
  };
}

let bundle: Promise<string> | undefined;

/** Bundled once for all peers of a test file. */
const bundledWorker = (): Promise<string> =>
  (bundle ??= build({
    entryPoints: [join(import.meta.dirname, "workers-oauth-provider-worker.ts")],
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:workers", "node:*"],
    target: "es2022",
    logLevel: "error",
    write: false,
  }).then(({ outputFiles }) => outputFiles[0]?.text ?? ""));

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
