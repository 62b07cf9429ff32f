import {
  AuthorizationError,
  insufficientScope,
  OAuthProvider,
  type AuthRequest,
  type OAuthHelpers,
} from "@cloudflare/workers-oauth-provider";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";
import { mcpOperation } from "./recorded-request.ts";

interface Env {
  readonly ORIGIN: string;
  readonly IDENTITY_PROVIDER: string;
  readonly OAUTH_PROVIDER: OAuthHelpers;
}
/** As much of a worker's context as is used here; the runtime's own types do not go together with the DOM's. */
interface ApiContext {
  readonly props: { readonly subject: string };
  readonly auth: Parameters<typeof insufficientScope>[0];
}

let notesWritten = 0;

/** Authorization server and MCP server in one worker, made for each request because its origin is a binding. */
export default {
  fetch(request: Request, env: Env, context: never): Promise<Response> {
    const provider = new OAuthProvider<Env>({
      apiRoute: "/mcp",
      apiHandler: { fetch: serveMcp as never },
      defaultHandler: { fetch: askUser as never },
      authorizeEndpoint: "/authorize",
      tokenEndpoint: "/token",
      clientRegistrationEndpoint: "/register",
      scopesSupported: ["mcp:read", "mcp:write", "offline_access"],
      requiredScopes: ["mcp:read"],
      resourceMetadata: { resource: `${env.ORIGIN}/mcp`, authorization_servers: [env.ORIGIN] },
      clientIdMetadataDocumentEnabled: true,
      allowTokenExchangeGrant: true,
      enterpriseManagedAuthorization: {
        trustedIssuers: ({ iss }) =>
          Promise.resolve(iss === env.IDENTITY_PROVIDER ? { issuer: iss, jwksUri: `${iss}/jwks` } : null),
        mapClaims: ({ claims, requestedScope }) =>
          Promise.resolve({ userId: claims.sub, scope: requestedScope, props: { subject: claims.sub } }),
      },
      // it would write each refusal to the console
      onError: () => undefined,
    });
    return provider.fetch(request, env, context);
  },
};

async function serveMcp(request: Request, _env: Env, { props, auth }: ApiContext): Promise<Response> {
  const body: unknown = request.method === "POST" ? await request.clone().json() : undefined;
  if (mcpOperation(body) === "tools/call write_note" && !auth.scope.includes("mcp:write")) {
    return insufficientScope(auth, ["mcp:read", "mcp:write"]);
  }
  return createMcpHandler(() => createNotesServer(props.subject)).fetch(request);
}

function createNotesServer(subject: string): McpServer {
  const mcp = new McpServer({ name: "notes", version: "1.0.0" });
  mcp.registerTool("whoami", { description: "Says whose token this is", inputSchema: z.object({}) }, () => ({
    content: [{ type: "text", text: subject }],
  }));
  mcp.registerTool("write_note", { description: "Writes a note", inputSchema: z.object({ text: z.string() }) }, () => ({
    content: [{ type: "text", text: `note ${++notesWritten} written` }],
  }));
  return mcp;
}

/** One page that logs in and asks for consent. */
async function askUser(request: Request, { OAUTH_PROVIDER: oauth }: Env): Promise<Response> {
  if (new URL(request.url).pathname !== "/authorize") return new Response(null, { status: 404 });
  if (request.method === "GET") {
    let asked: AuthRequest;
    try {
      asked = await oauth.parseAuthRequest(request);
    } catch (error) {
      const redirectTo = error instanceof AuthorizationError ? error.redirectTo : undefined;
      return new Response(
        null,
        redirectTo === undefined ? { status: 400 } : { status: 302, headers: { location: redirectTo } },
      );
    }
    const { handle, headers } = await oauth.beginConsent(asked);
    headers.set("content-type", "text/html");
    const scopes = asked.scope.map((scope) => `<input type="checkbox" name="scope" value="${scope}" checked>`);
    const page = `<form method="post"><input type="hidden" name="handle" value="${handle}"><input name="username">
${scopes.join("\n")}<button name="decision" value="approve">Allow</button> <button name="decision" value="deny">Deny</button></form>`;
    return new Response(page, { headers });
  }
  const form = new URLSearchParams(await request.text());
  const handle = form.get("handle") ?? "";
  if (form.get("decision") !== "approve") {
    const { headers } = await oauth.denyConsent(request, handle);
    return new Response(null, { status: 302, headers });
  }
  const approved = await oauth.approveConsent(request, handle, { scope: form.getAll("scope") });
  const subject = form.get("username") ?? "";
  const { redirectTo } = await oauth.completeAuthorization({
    request: approved.request,
    userId: subject,
    metadata: {},
    scope: approved.request.scope,
    props: { subject },
  });
  approved.headers.set("location", redirectTo);
  return new Response(null, { status: 302, headers: approved.headers });
}
