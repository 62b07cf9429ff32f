import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** An HTTP server on a free loopback port. It listens at once, so that what it serves may name its own origin. */
export interface LoopbackServer {
  readonly origin: string;
  readonly port: number;
  handle(listener: RequestListener): void;
  close(): Promise<void>;
}

export async function startLoopbackServer(hostname = "127.0.0.1"): Promise<LoopbackServer> {
  // as long as in test/support/serve.ts, and for the same reason
  const server: Server = createServer({ keepAliveTimeout: 60_000 });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, hostname, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://${hostname}:${port}`,
    port,
    handle: (listener) => void server.on("request", listener),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
