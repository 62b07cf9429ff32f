import { TransportError } from "../errors.js";
import type { TransportErrorCode } from "../errors.js";
import { ambientFetch, startTimer } from "../platform.js";
import { checkUrl, describePurpose, withoutQuery } from "./url-policy.js";
import type { GuardContext } from "./url-policy.js";

export type { GuardContext } from "./url-policy.js";

/** An answer whose body has been read whole. */
export interface ReceivedResponse {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

const BODY_LIMIT = 262_144;
const HOP_LIMIT = 3;
/** Timers overflow above it and fire at once. */
const LONGEST_TIMEOUT_MS = 2_147_483_647;

/**
 * Sends one request under the policy of the library and of the host: every hop is checked, redirects are followed for GET within
 * the origin alone, time and size are bounded, and no cookie goes along. Any status is a result.
 */
export async function guardedRequest(
  url: string | URL,
  init: RequestInit,
  context: GuardContext,
): Promise<ReceivedResponse> {
  const { signal, timeoutMs = 10_000 } = context.http;
  if (!(timeoutMs > 0 && timeoutMs <= LONGEST_TIMEOUT_MS)) {
    throw new TypeError(`timeoutMs must be a number of milliseconds from 1 to ${LONGEST_TIMEOUT_MS}`);
  }
  signal?.throwIfAborted();
  const controller = new AbortController();
  const stopped = controller.signal;
  const forwardAbort = (): void => {
    controller.abort(signal?.reason);
  };
  signal?.addEventListener("abort", forwardAbort);
  const cancelTimer = startTimer(() => {
    controller.abort(failure("request_timeout", url, context, `did not answer completely within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    // Raced, because the fetch of the host, or its allowUrl, may ignore the signal.
    return await Promise.race([
      exchange(url, { ...init, credentials: "omit", signal: stopped }, context),
      new Promise<never>((_, reject) => {
        stopped.addEventListener("abort", () => {
          reject(stopped.reason as Error);
        });
      }),
    ]);
  } finally {
    cancelTimer();
    signal?.removeEventListener("abort", forwardAbort);
  }
}

async function exchange(url: string | URL, init: RequestInit, context: GuardContext): Promise<ReceivedResponse> {
  const isGet = (init.method ?? "GET") === "GET";
  let target = await checkUrl(url, context);
  for (let hops = 0; ; hops += 1) {
    let response = await send(target, { ...init, redirect: "manual" }, context);
    if (response.type === "opaqueredirect" && isGet) {
      // Browsers hide where a redirect leads; there the only check is where it ended.
      response = await send(target, { ...init, redirect: "follow" }, context);
    }
    if (response.redirected && isGet) target = await checkHop(response.url, target, response, context);
    const isRedirect =
      response.type === "opaqueredirect" ||
      (response.redirected && !isGet) ||
      /^30[12378]$/.test(String(response.status));
    if (!isRedirect) {
      return {
        url: target.href,
        status: response.status,
        headers: response.headers,
        body: await readBody(response, target, init.signal, context),
      };
    }
    const location = response.headers.get("location");
    if (!isGet || location === null || hops === HOP_LIMIT) {
      discard(response);
      throw failure("redirect_refused", target, context, "answered with a redirect that is not followed");
    }
    target = await checkHop(location, target, response, context);
    discard(response);
  }
}

async function send(target: URL, init: RequestInit, context: GuardContext): Promise<Response> {
  try {
    const response = await (context.http.fetch ?? ambientFetch)(target.href, init);
    if (init.signal?.aborted === true) discard(response);
    return response;
  } catch (error) {
    throw failure(
      "network_error",
      target,
      context,
      "could not be reached (network, proxy, certificate or CORS)",
      error,
    );
  }
}

async function checkHop(location: string, from: URL, response: Response, context: GuardContext): Promise<URL> {
  try {
    if (new URL(location, from).origin !== from.origin) {
      throw failure("redirect_refused", from, context, "redirects to another origin, which is not followed");
    }
    return await checkUrl(new URL(location, from), context);
  } catch (error) {
    discard(response);
    throw error;
  }
}

async function readBody(
  response: Response,
  target: URL,
  signal: AbortSignal | null | undefined,
  context: GuardContext,
): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const cancel = (): void => {
    reader.cancel().catch(() => undefined);
  };
  signal?.addEventListener("abort", cancel);
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { value } = await reader.read().catch((error: unknown) => {
      throw failure("network_error", target, context, "broke off its answer", error);
    });
    if (value === undefined) return text + decoder.decode();
    size += value.byteLength;
    if (size > BODY_LIMIT) {
      cancel();
      throw failure("response_too_large", target, context, `answered with more than ${BODY_LIMIT / 1024} KiB`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** Frees the connection; nobody waits for it. */
function discard(response: Response): void {
  response.body?.cancel().catch(() => undefined);
}

function failure(
  code: TransportErrorCode,
  url: string | URL,
  { purpose }: GuardContext,
  what: string,
  cause?: unknown,
): TransportError {
  const shown = withoutQuery(new URL(url));
  return new TransportError(code, `the ${describePurpose(purpose)} at ${shown} ${what}`, { url: shown, cause });
}

/** A JSON object without its `null` members; `undefined` for anything else. */
export function parseJsonObject(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
  } catch {
    return undefined;
  }
}

/** When the server wants to be asked again (`Retry-After`, RFC 9110 §10.2.3), in milliseconds since the epoch. */
export function retryAtOf(headers: Headers, now: number): number | undefined {
  const value = headers.get("retry-after") ?? "";
  const time = /^\d+$/.test(value) ? now + Number(value) * 1000 : Date.parse(value);
  return Number.isSafeInteger(time) ? time : undefined;
}
