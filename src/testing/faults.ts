import type { MaybePromise } from "../index.js";
import { json } from "./oauth-refusal.js";
import type { FakeEndpoint, RecordedRequest } from "./request-log.js";

/**
 * Faults by name:
 *
 * - `500`, `429`: that status, with an error in JSON
 * - `503_retry_after`: 503 with `Retry-After: 120`
 * - `html_200`: a web page, with status 200
 * - `bad_json`: status 200 and JSON that ends too early
 * - `error_in_200`: an OAuth error with status 200, as GitHub answers
 * - `wrong_issuer`: another `issuer` in the metadata, another `iss` in the callback
 * - `hang`: no answer until the request is aborted
 * - `network_error`: the request does not arrive
 * - `lost_answer`: the request arrives and is acted on, but its answer is lost
 *
 * @public
 */
export type FaultName =
  | "500"
  | "503_retry_after"
  | "429"
  | "html_200"
  | "hang"
  | "bad_json"
  | "wrong_issuer"
  | "error_in_200"
  | "network_error"
  | "lost_answer";

/** A fault of your own: answers in place of the server, or after it with what `answer` gives, or throws what `fetch` is to throw. @public */
export type FaultFunction = (request: Request, answer: () => Promise<Response>) => MaybePromise<Response>;

/** Options of {@link FakeFaults.add}. @public */
export interface FakeFault {
  /** The part of the server that fails. */
  readonly endpoint: FakeEndpoint;
  /** What happens. */
  readonly fault: FaultName | FaultFunction;
  /** How many requests it befalls; `Infinity` for all.
   * @defaultValue 1 */
  readonly times?: number | undefined;
  /** Picks the requests; the others are answered as ever, and do not count. */
  readonly when?: ((request: RecordedRequest) => boolean) | undefined;
}

/** Faults on demand, see {@link FakeAuthServer.faults}. @public */
export interface FakeFaults {
  /** Adds a fault. A request meets the first one that fits it, in the order they were added. */
  add(fault: FakeFault): void;
  /** Ends all faults. */
  clear(): void;
}

const WRONG_ISSUER = "https://wrong-issuer.example";

const NAMED: Readonly<Record<FaultName, FaultFunction>> = {
  "500": () => json(500, { error: "server_error" }),
  "503_retry_after": () => json(503, { error: "temporarily_unavailable" }, { "retry-after": "120" }),
  "429": () => json(429, { error: "temporarily_unavailable" }),
  html_200: () =>
    new Response("<!doctype html><title>Welcome</title>", { headers: { "content-type": "text/html; charset=utf-8" } }),
  bad_json: () => new Response('{"access_token":', { headers: { "content-type": "application/json" } }),
  error_in_200: () => json(200, { error: "invalid_grant", error_description: "made to fail" }),
  hang: (request) => untilAborted(request.signal),
  network_error: () => Promise.reject(new TypeError("fetch failed")),
  lost_answer: async (_, answer) => {
    await answer();
    throw new TypeError("fetch failed");
  },
  wrong_issuer: async (_, answer) => withWrongIssuer(await answer()),
};

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    // the caller's own reason, as fetch does
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

async function withWrongIssuer(response: Response): Promise<Response> {
  const location = response.headers.get("location");
  if (location !== null) {
    const callback = new URL(location);
    callback.searchParams.set("iss", WRONG_ISSUER);
    return new Response(null, { status: response.status, headers: { location: callback.href } });
  }
  if (!response.ok) return response;
  return json(response.status, { ...((await response.json()) as object), issuer: WRONG_ISSUER });
}

export function createFaults(): FakeFaults & { take(request: RecordedRequest): FaultFunction | undefined } {
  let active: { fault: FakeFault; left: number }[] = [];

  return {
    add(fault) {
      if (typeof fault.fault === "string" && !Object.hasOwn(NAMED, fault.fault)) {
        throw new TypeError(`"fault" is no name of a fault: ${fault.fault}`);
      }
      const left = fault.times ?? 1;
      if (!(left >= 1)) throw new TypeError('"times" must be 1 or more');
      active.push({ fault, left });
    },
    clear() {
      active = [];
    },
    take(request) {
      const met = active.find(({ fault }) => fault.endpoint === request.endpoint && (fault.when?.(request) ?? true));
      if (met === undefined) return undefined;
      met.left -= 1;
      if (met.left <= 0) active = active.filter((other) => other !== met);
      return typeof met.fault.fault === "string" ? NAMED[met.fault.fault] : met.fault.fault;
    },
  };
}
