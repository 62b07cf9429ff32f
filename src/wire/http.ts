import { TransportError } from "../errors.js";
import type { TransportErrorCode } from "../error-codes.js";
import { ambientFetch, inTime, LONGEST_TIMER_MS, orAborted } from "../platform.js";
import { checkUrl, describePurpose, parseUrl, withoutQuery } from "./url-policy.js";
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
  if (!(timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS)) {
    throw new TypeError(`timeoutMs must be from 1 to ${LONGEST_TIMER_MS}`);
  }
  // the fetch of the host, or its allowUrl, may ignore the signal
  return await inTime(
    (ended) => exchange(url, { ...init, credentials: "omit", signal: ended }, context),
    timeoutMs,
    () => failure("request_timeout", url, context, `did not answer completely within ${timeoutMs} ms`),
    signal,
  );
}

async function exchange(
  url: string | URL,
  init: RequestInit & { readonly signal: AbortSignal },
  context: GuardContext,
): Promise<ReceivedResponse> {
  const isGet = (init.method ?? "GET") === "GET";
  let target = await checkUrl(url, context);
  for (let hops = 0; ; hops += 1) {
    let response = await send(target, { ...init, redirect: "manual" }, context);
    try {
      init.signal.throwIfAborted();
      if (response.type === "opaqueredirect" && isGet) {
        // Browsers hide where a redirect leads; there the only check is where it ended.
        response = await send(target, { ...init, redirect: "follow" }, context);
      }
      if (response.redirected && isGet) target = await checkHop(response.url, target, context);
      const leadsElsewhere =
        response.type === "opaqueredirect" || (response.redirected && !isGet) || isRedirect(response);
      if (!leadsElsewhere) {
        const { status, headers } = response;
        return { url: target.href, status, headers, body: await readBody(response, target, init.signal, context) };
      }
      const location = response.headers.get("location");
      if (!isGet || location === null || hops === HOP_LIMIT) {
        throw failure("redirect_refused", target, context, "answered with a redirect that is not followed");
      }
      target = await checkHop(location, target, context);
    } finally {
      discard(response.body);
    }
  }
}

/** Whether an answer has its URL in `Location`. */
export const isRedirect = ({ status }: Response): boolean => [301, 302, 303, 307, 308].includes(status);

async function send(target: URL, init: RequestInit, context: GuardContext): Promise<Response> {
  try {
    return await (context.http.fetch ?? ambientFetch)(target.href, init);
  } catch (error) {
    const what = "could not be reached (network, proxy, certificate or CORS)";
    throw failure("network_error", target, context, what, error);
  }
}

async function checkHop(location: string, from: URL, context: GuardContext): Promise<URL> {
  const target = parseUrl(location, from);
  if (target?.origin === from.origin) return checkUrl(target, context);
  throw failure("redirect_refused", from, context, "redirects to another origin, which is not followed");
}

async function readBody({ body }: Response, target: URL, signal: AbortSignal, context: GuardContext): Promise<string> {
  if (!body) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let size = 0; size <= BODY_LIMIT;) {
      const { value } = await orAborted(reader.read(), signal);
      if (!value) return text + decoder.decode();
      size += value.byteLength;
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    throw failure("network_error", target, context, "broke off its answer", error);
  } finally {
    discard(reader);
  }
  throw failure("response_too_large", target, context, `answered with more than ${BODY_LIMIT / 1024} KiB`);
}

/** Frees the connection of an answer, or a part of one, that nobody will read; nobody waits for it. */
export function discard(body: { cancel(): Promise<void> } | null): void {
  body?.cancel().catch(() => undefined);
}

function failure(
  code: TransportErrorCode,
  url: string | URL,
  { purpose }: GuardContext,
  what: string,
  cause?: unknown,
): TransportError {
  const shown = withoutQuery(url);
  const advice = /redirect|large/.test(code) ? "its operator has to correct this" : "try again later";
  return new TransportError(code, `the ${describePurpose(purpose)} at ${shown} ${what}; ${advice}`, {
    url: shown,
    cause,
  });
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

const LAST_TIME = 8.64e15;

/** When the server wants to be asked again (`Retry-After`, RFC 9110 §10.2.3), in milliseconds since the epoch. */
export function retryAtOf(headers: Headers, now: number): number | undefined {
  const value = headers.get("retry-after") ?? "";
  const time = /^\d+$/.test(value) ? now + Number(value) * 1000 : Date.parse(value);
  // what is no time, or beyond all of them, is not below
  return time < LAST_TIME ? time : undefined;
}
