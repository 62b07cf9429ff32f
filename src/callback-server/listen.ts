import { CallbackServerError } from "../errors.js";
import type { HttpModule, HttpServer } from "./node-http.js";

/** The servers of one port: two for `localhost` where the machine has both families. */
export interface Listening {
  readonly servers: readonly HttpServer[];
  readonly port: number;
}

const PORT_ATTEMPTS = 10;

/** Listens on loopback without keeping the process alive. */
export async function listenOn(
  createServer: HttpModule["createServer"],
  handle: Parameters<HttpModule["createServer"]>[0],
  hostname: string,
  wantedPort: number,
): Promise<Listening> {
  const listen = (host: string, port: number): Promise<HttpServer> =>
    new Promise((resolve, reject) => {
      const server = createServer(handle);
      // stays for good: an accept error later on (too many open files) must not end the process
      server.on("error", reject);
      // an idle connection of a browser or of a port scanner must not keep the process alive
      server.on("connection", (socket) => socket.unref());
      // exclusive: a worker of a cluster would otherwise share the port, and get the callbacks of another
      server.listen({ host, port, exclusive: true }, () => {
        server.unref();
        resolve(server);
      });
    });

  try {
    for (let attempt = 1; ; attempt++) {
      const first = await listen(hostname === "localhost" ? "127.0.0.1" : hostname, wantedPort);
      const { port } = first.address() as { readonly port: number };
      if (hostname !== "localhost") return { servers: [first], port };
      try {
        return { servers: [first, await listen("::1", port)], port };
      } catch (error) {
        // Without IPv6 no browser comes that way. Taken by another program, that one could receive the callback.
        if (!/^(EADDRINUSE|EACCES)$/.test(codeOf(error))) return { servers: [first], port };
        await closeServer(first);
        if (wantedPort !== 0 || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  } catch (cause) {
    throw new CallbackServerError(
      "port_unavailable",
      `port ${wantedPort} of ${hostname} is not available (${codeOf(cause)}): free it or choose another`,
      { port: wantedPort, cause },
    );
  }
}

const codeOf = (error: unknown): string => String((error as { readonly code?: unknown }).code);

/** Resolves when nothing listens any more; connections that are kept alive are dropped. */
export const closeServer = (server: HttpServer): Promise<void> =>
  new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
