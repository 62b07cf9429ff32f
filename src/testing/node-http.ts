/*
 * The part of `node:http` that is used, written out: the module is looked up at run time, and the declarations of this entry need no
 * @types/node.
 */

export interface IncomingMessage extends AsyncIterable<Uint8Array<ArrayBuffer>> {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: { readonly host?: string | undefined };
  readonly rawHeaders: readonly string[];
}

export interface ServerResponse {
  readonly headersSent: boolean;
  writeHead(status: number, headers: readonly string[]): unknown;
  flushHeaders(): void;
  write(chunk: Uint8Array): boolean;
  end(): unknown;
  destroy(): unknown;
  once(event: "close" | "drain", listener: () => void): unknown;
}

export interface HttpServer {
  on(event: "error", listener: (error: Error) => void): unknown;
  listen(options: { host: string; port: number; exclusive: boolean }, listening: () => void): unknown;
  address(): unknown;
  close(closed: () => void): unknown;
  closeAllConnections(): void;
}

export interface HttpModule {
  createServer(
    options: { keepAliveTimeout: number },
    listener: (request: IncomingMessage, response: ServerResponse) => void,
  ): HttpServer;
}
