import { request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import type { LoopbackServer } from "./loopback-server.ts";
import { createRequestLog, mcpOperation, pathOf, type Party, type RecordedRequest } from "./recorded-request.ts";

/** Answers a request whose body has been read. */
export type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => Promise<void> | void;

/** Whom a path belongs to; requests that belong to nobody are not recorded. */
export type PartyOf = (path: string) => Party | undefined;

/** Where authorization server and MCP server share an origin. */
const byPath: PartyOf = (path) =>
  /^\/(mcp|\.well-known\/oauth-protected-resource)(\/|$)/.test(path) ? "mcp_server" : "authorization_server";

/** Records what a server of somebody else receives, by standing in front of it. */
export function recordRequests(
  server: LoopbackServer,
  answer: Answer,
  { partyOf = byPath, log = createRequestLog() } = {},
): RecordedRequest[] {
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const party = partyOf(pathOf(request));
    const body = await buffer(request);
    if (party !== undefined) {
      log.record(party, request, response, () =>
        party === "mcp_server"
          ? mcpOperation(jsonOf(body))
          : (new URLSearchParams(body.toString()).get("grant_type") ?? undefined),
      );
    }
    await answer(request, response, body);
  }
  server.handle((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  return log.requests;
}

/** Lets another port of this machine answer, under the name that the request was sent to. */
export const forwardTo =
  (port: number): Answer =>
  ({ method, headers, url }, response, body) => {
    const inner = forward({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on("error", () => response.destroy()).pipe(response);
    });
    response.on("close", () => inner.destroy());
    inner.on("error", () => response.destroy()).end(body);
  };

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
