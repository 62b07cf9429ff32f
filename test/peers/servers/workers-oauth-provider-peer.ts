import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare, Response as WorkerdResponse } from "miniflare";
import { startLoopbackServer } from "./loopback-server.ts";
import type { RecordedRequest } from "./recorded-request.ts";
import { recordRequests, type Answer } from "./recorded-server.ts";

export interface WorkersOAuthProviderPeerOptions {
  /** Client ID Metadata Documents by their URL, as the worker finds them when it fetches. */
  readonly clientIdMetadataDocuments?: Readonly<Record<string, object>>;
  /** The identity provider whose assertions (ID-JAG) it takes, and where its public keys come from when they are wanted, as JWKs. */
  readonly identityProvider?: { readonly issuer: string; readonly keys: () => Promise<readonly object[]> };
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
  const { identityProvider, clientIdMetadataDocuments = {} } = options;
  const workerd = new Miniflare({
    cf: false,
    modules: true,
    script: await bundledWorker(),
    compatibilityDate: "2026-07-01",
    compatibilityFlags: ["global_fetch_strictly_public", "nodejs_compat"],
    bindings: { ORIGIN: server.origin, IDENTITY_PROVIDER: identityProvider?.issuer ?? "" },
    kvNamespaces: ["OAUTH_KV"],
    outboundService: async ({ url }: { readonly url: string }) => {
      const isKeys = identityProvider !== undefined && url === `${identityProvider.issuer}/jwks`;
      const document = isKeys ? { keys: await identityProvider.keys() } : clientIdMetadataDocuments[url];
      return document ? WorkerdResponse.json(document) : new WorkerdResponse(null, { status: 404 });
    },
  });
  await workerd.ready;

  const serve: Answer = async (request, response, body) => {
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
  };

  return {
    serverUrl: `${server.origin}/mcp`,
    issuer: server.origin,
    requests: recordRequests(server, serve),
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
