import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A way to a server on loopback that can be blocked or cut. */
export interface TcpProxy {
  readonly port: number;
  /** From now on nothing comes through; connections stay open. */
  block(): void;
  /** Ends every connection, and from now on each new one at once. */
  cut(): void;
  /** Lets through what waited since `block`, and new connections since `cut`. */
  restore(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let state: "open" | "blocked" | "cut" = "open";
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((socket) => {
    if (state === "cut") return void socket.destroy();
    const near = keep(socket);
    const far = keep(connect(target));
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (data) => to.write(data)).on("close", () => to.destroy());
      if (state === "blocked") from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    block() {
      state = "blocked";
      for (const socket of sockets) socket.pause();
    },
    cut() {
      state = "cut";
      end();
    },
    restore() {
      state = "open";
      for (const socket of sockets) socket.resume();
    },
    async close() {
      end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
