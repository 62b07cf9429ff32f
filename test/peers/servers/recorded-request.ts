import type { IncomingMessage, ServerResponse } from "node:http";

/** Which of the two servers of a peer a request reached. */
export type Party = "authorization_server" | "mcp_server";

/** One request that a peer received. Query, headers and bodies are left out: they hold codes, tokens and state. */
export interface RecordedRequest {
  readonly party: Party;
  /** Told apart by what they accept: pages or data. */
  readonly by: "browser" | "host";
  readonly method: string;
  readonly path: string;
  /** The grant type of a token request, the JSON-RPC method (and tool) of an MCP request. */
  readonly operation?: string;
  readonly status: number;
}

/** The list that a peer hands out, and what its servers write into it. */
export interface RequestLog {
  readonly requests: RecordedRequest[];
  /** @param operation - is asked when the answer begins, when the request's body has been read */
  record(party: Party, request: IncomingMessage, response: ServerResponse, operation?: () => string | undefined): void;
}

interface Entry {
  party: Party;
  by: "browser" | "host";
  method: string;
  path: string;
  operation?: string;
  status: number;
}

export function createRequestLog(): RequestLog {
  const requests: RecordedRequest[] = [];
  return {
    requests,
    record(party, request, response, operation) {
      const by = request.headers.accept?.includes("text/html") === true ? "browser" : "host";
      const entry: Entry = { party, by, method: request.method ?? "", path: pathOf(request), status: 0 };
      requests.push(entry);
      // Written down before the first byte leaves, so that whoever has the answer finds it here.
      const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
      response.writeHead = (...args: unknown[]): ServerResponse => {
        entry.status = args[0] as number;
        const name = operation?.();
        if (name !== undefined) entry.operation = name;
        return writeHead(...args);
      };
    },
  };
}

export function pathOf(request: IncomingMessage): string {
  return new URL(request.url ?? "/", "http://loopback.invalid").pathname;
}

/** The JSON-RPC method of an MCP request's body, with the tool's name where there is one. */
export function mcpOperation(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || !("method" in body) || typeof body.method !== "string") return;
  const params = "params" in body ? body.params : undefined;
  const name = typeof params === "object" && params !== null && "name" in params ? params.name : undefined;
  return typeof name === "string" ? `${body.method} ${name}` : body.method;
}
