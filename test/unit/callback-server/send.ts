import { request } from "node:http";
import type { IncomingHttpHeaders, RequestOptions } from "node:http";
import { text } from "node:stream/consumers";

export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends one request as it stands: unlike fetch it neither normalises the target nor protects `Host`. */
export function send(port: number, path: string, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, agent: false, ...options }, (response) => {
      void text(response).then((body) => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** Tells whether a promise is still pending after everything that is ready to run has run. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  const settled = promise.then(
    () => undefined,
    () => undefined,
  );
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([settled, Promise.resolve(pending)])) === pending;
}
