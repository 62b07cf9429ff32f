/*
 * The part of `node:http` that is used, written out: the module is looked up at run time, and the declarations of the root entry
 * need no @types/node.
 */

export interface HttpRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: { readonly host?: string | undefined };
}

export interface HttpResponse {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  end(body: string, sent: () => void): unknown;
  once(event: "close", listener: () => void): unknown;
}

export interface HttpServer {
  on(event: "connection", listener: (socket: { unref(): unknown }) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  listen(options: { host: string; port: number; exclusive: boolean }, listening: () => void): unknown;
  address(): unknown;
  unref(): unknown;
  close(closed: () => void): unknown;
  closeAllConnections(): void;
}

export interface HttpModule {
  createServer(listener: (request: HttpRequest, response: HttpResponse) => void): HttpServer;
}
