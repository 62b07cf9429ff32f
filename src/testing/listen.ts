import { CallbackServerError } from "../index.js";
import { getNodeBuiltin } from "../platform.js";
import { ConnectionLost } from "./accidents.js";
import type { HttpModule, HttpServer, IncomingMessage, ServerResponse } from "./node-http.js";

/** Where a fake server listens. Made by {@link FakeAuthServer.listen}. @public */
export interface FakeListener {
  /** For example `http://127.0.0.1:8123`. */
  readonly origin: string;
  /** The port listened on. */
  readonly port: number;
  /** Stops listening, drops every connection, and aborts what is still being answered. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";
/** Node waits for five seconds, and a slow client then sends its request on a connection that is just being closed. */
const KEEP_ALIVE_MS = 60_000;

/** Carries requests from a port of loopback to `fetch`, and its answers back as they are made. */
export async function listenOnLoopback(
  wantedPort: number,
  fetch: (request: Request) => Promise<Response>,
): Promise<FakeListener> {
  if ((wantedPort & 0xffff) !== wantedPort) throw new TypeError('"port" must be an integer from 0 to 65535');
  const http = getNodeBuiltin("node:http") as Partial<HttpModule> | undefined;
  if (!http?.createServer) {
    throw new CallbackServerError(
      "unsupported_runtime",
      "this runtime has no node:http to listen with: use the server's fetch, or mswHandlers",
    );
  }
  const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (message, response) => {
    void carry(message, response);
  });

  async function carry(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => {
      gone.abort(new ConnectionLost("the connection is closed"));
    });
    try {
      await send(await fetch(await toRequest(message, port, gone.signal)), response);
    } catch (error) {
      if (error instanceof ConnectionLost || response.headersSent || gone.signal.aborted) response.destroy();
      else await send(new Response(String(error), { status: 500 }), response);
    }
  }

  await new Promise<void>((resolve, reject) => {
    // stays for good: an accept error later on must not end the process
    server.on("error", (cause) => {
      const code = String((cause as { readonly code?: unknown }).code);
      const problem = `port ${wantedPort} of ${HOST} is not available (${code}): free it or choose another`;
      reject(new CallbackServerError("port_unavailable", problem, { port: wantedPort, cause }));
    });
    server.listen({ host: HOST, port: wantedPort, exclusive: true }, resolve);
  });
  const { port } = server.address() as { readonly port: number };
  let closed: Promise<void> | undefined;
  return Object.freeze({
    origin: `http://${HOST}:${port}`,
    port,
    close: () => (closed ??= stop(server)),
  });
}

const stop = (server: HttpServer): Promise<void> =>
  new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });

async function toRequest(message: IncomingMessage, port: number, signal: AbortSignal): Promise<Request> {
  const {
    method = "GET",
    url = "/",
    headers: { host = "" },
  } = message;
  const headers = new Headers();
  for (let index = 0; index < message.rawHeaders.length; index += 2) {
    headers.append(message.rawHeaders[index] ?? "", message.rawHeaders[index + 1] ?? "");
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of message) chunks.push(chunk);
  const body = method === "GET" || method === "HEAD" ? null : new Blob(chunks);
  // whoever calls it by its name means another origin
  const origin = `http://${host.toLowerCase() === `localhost:${port}` ? "localhost" : HOST}:${port}`;
  return new Request(new URL(url, origin), { method, headers, body, signal });
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, [...answer.headers].flat());
  response.flushHeaders();
  if (answer.body !== null) {
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const closed = new Promise<void>((resolve) => response.once("close", resolve));
    void closed.then(() => reader.cancel()).catch(() => undefined);
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const isFull = !response.write(part.value);
      if (isFull) await Promise.race([closed, new Promise<void>((resolve) => response.once("drain", resolve))]);
    }
  }
  response.end();
}
