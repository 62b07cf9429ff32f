import { createFakeAuthServer } from "../testing.js";
import type { FakeAuthServer, FakeFault, RecordedRequest } from "../testing.js";
import { startHeartbeat } from "../platform.js";
import type { CommandContext } from "./command-context.js";
import { CommandError, EXIT } from "./command-error.js";
import { layOutFacts } from "./text-layout.js";

/** Flags of `fake-server`. */
export interface FakeServerFlags {
  readonly port?: number;
  /** Whether the user is asked for consent. */
  readonly consent: boolean;
  /** Seconds. */
  readonly expiresIn: number;
  readonly scope?: string;
  readonly fault?: readonly string[];
}

const LOG_EVERY_MS = 100;

export async function fakeServer(flags: FakeServerFlags, { output, signal }: CommandContext): Promise<number> {
  const server = createFakeAuthServer({
    accessTokenTtlMs: flags.expiresIn * 1000,
    requiredScope: flags.scope,
    consentPage: flags.consent,
  });
  for (const text of flags.fault ?? []) addFault(server, text);
  const listener = await server.listen({ port: flags.port });
  try {
    const facts = [
      ["MCP server", server.serverUrl],
      ["Authorization server", server.issuer],
    ] as const;
    output.print(`${layOutFacts(facts, output.columns())}\n  Ctrl-C ends it, and all that it knows.`);
    await logUntil(signal, server, (request) => {
      output.print(describeRequest(request));
    });
    return EXIT.ok;
  } finally {
    await listener.close();
  }
}

/** A fault as it is written: "missing_pkce_methods", or "500@token" for what can befall any endpoint. */
function addFault(server: FakeAuthServer, text: string): void {
  const [fault, endpoint] = text.split("@");
  if (endpoint !== undefined && !Object.hasOwn(server.counts, endpoint)) {
    throw new CommandError("fault_unknown", `${JSON.stringify(text)}: there is no such endpoint`, {
      exitCode: EXIT.usage,
      next: `There are ${Object.keys(server.counts).join(", ")}.`,
    });
  }
  try {
    server.faults.add({ fault, endpoint, ...(endpoint !== undefined && { times: Infinity }) } as FakeFault);
  } catch (error) {
    throw new CommandError("fault_unknown", `${JSON.stringify(text)}: ${(error as Error).message}`, {
      exitCode: EXIT.usage,
      next: "The names are in docs/testing.md; what can befall any endpoint is written as in 500@token.",
    });
  }
}

/** Tells every request once it is answered, until the command is ended. */
function logUntil(
  signal: AbortSignal,
  { requests }: FakeAuthServer,
  tell: (request: RecordedRequest) => void,
): Promise<void> {
  const told = new Set<RecordedRequest>();
  const look = (): void => {
    for (const request of requests) {
      if (request.status === undefined || told.has(request)) continue;
      told.add(request);
      tell(request);
    }
  };
  return new Promise((resolve) => {
    const stop = startHeartbeat(look, LOG_EVERY_MS);
    const end = (): void => {
      stop();
      look();
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  });
}

function describeRequest({ method, url, status, endpoint }: RecordedRequest): string {
  return `${method} ${new URL(url).pathname} ${status ?? ""} ${endpoint === "unknown" ? "" : endpoint}`.trimEnd();
}
