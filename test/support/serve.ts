import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";

/** A `fetch` that listens on loopback. */
export interface Served {
  readonly origin: string;
  /** Resolves when every connection is closed and everything that came over them was answered. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

type Handler = (request: Request) => Promise<Response>;

/**
 * Serves what `create` makes, which is told its own origin first; redirects are handed to the client as they are. For what is no
 * authorization server, and for clients that are killed: unlike a fake server that listens by itself, it goes on with what came from
 * somebody who has gone since.
 */
export async function serve(create: (origin: string) => Handler): Promise<Served> {
  // longer than a slow machine needs from one request to the next, which would meet a connection that is just being closed
  const server = createServer({ keepAliveTimeout: 60_000 });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const handler = create(origin);
  const pending = new Set<object>();
  const track = (work: object): (() => void) => {
    pending.add(work);
    return () => {
      pending.delete(work);
      if (pending.size === 0) server.emit("idle");
    };
  };
  server.on("connection", (socket) => socket.once("close", track(socket)));
  server.on("request", (request, response) => {
    // whoever has gone needs no answer
    answer(handler, origin, request, response)
      .catch(() => response.destroy())
      .finally(track(request));
  });
  return {
    origin,
    async idle() {
      // connections are accepted in their order: once this one was closed, there is none before it that is not known
      await new Promise((resolve) => connect(port, "127.0.0.1").once("close", resolve).resume().end());
      if (pending.size > 0) await new Promise((resolve) => server.once("idle", resolve));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  handler: Handler,
  origin: string,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const headers = new Headers();
  for (let index = 0; index < message.rawHeaders.length; index += 2) {
    headers.append(message.rawHeaders[index] ?? "", message.rawHeaders[index + 1] ?? "");
  }
  const { method = "GET", url = "/" } = message;
  const request = new Request(new URL(url, origin), {
    method,
    headers,
    body: method === "GET" || method === "HEAD" ? null : Buffer.concat(chunks),
  });
  const answered = await handler(request);
  response.writeHead(answered.status, Object.fromEntries(answered.headers));
  response.end(Buffer.from(await answered.arrayBuffer()));
}
