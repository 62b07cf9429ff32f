import { startTimer } from "../platform.js";
import type { FaultName } from "./fault-names.js";
import type { Accident, Reaction } from "./named-fault.js";
import { editCallback, editJson } from "./named-fault.js";
import { OAuthRefusal, json } from "./oauth-refusal.js";

/** Thrown in place of an answer: the connection is gone. What `fetch` throws then. */
export class ConnectionLost extends TypeError {}

const connectionLost = (): ConnectionLost => new ConnectionLost("fetch failed");

const WRONG_ISSUER = "https://wrong-issuer.example";
const SLOW_MS = 5_000;
const RETRY_AFTER_SECONDS = 120;
/** More than any document of OAuth. */
const OVERSIZE = 4 * 1024 * 1024;

const status = (code: number, error: string, headers?: Readonly<Record<string, string>>): Reaction => {
  return () => json(code, { error }, headers);
};

const page = (code: number, title: string): Reaction => {
  return () =>
    new Response(`<!doctype html><title>${title}</title>`, {
      status: code,
      headers: { "content-type": "text/html; charset=utf-8" },
    });
};

const body = (text: string | ReadableStream): Reaction => {
  return () => new Response(text, { headers: { "content-type": "application/json" } });
};

/** An OAuth error, at the redirect URI when the authorization endpoint fails. */
const refusal =
  (code: number, error: string): Reaction =>
  async (_request, answer, { received }) => {
    const refused = new OAuthRefusal(code, error, "made to fail");
    if (!received.url.searchParams.has("redirect_uri")) return refused.toResponse();
    return editCallback(await answer(), (query) => {
      query.delete("code");
      query.set("error", error);
    });
  };

const untilAborted: Reaction = ({ signal }) =>
  new Promise((_, reject) => {
    whenAborted(signal, reject);
  });

/** With the caller's own reason, as fetch does. */
function whenAborted(signal: AbortSignal, reject: (reason: Error) => void): void {
  const abort = (): void => {
    reject(signal.reason as Error);
  };
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
}

const slowly: Reaction = ({ signal }, answer) =>
  new Promise((resolve, reject) => {
    const stop = startTimer(() => {
      resolve(answer());
    }, SLOW_MS);
    whenAborted(signal, (reason) => {
      stop();
      reject(reason);
    });
  });

const cutOff: Reaction = async (_request, answer) => {
  const response = await answer();
  const text = new TextEncoder().encode(await response.text());
  const half = text.slice(0, Math.ceil(text.length / 2));
  let isSent = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (isSent) controller.error(connectionLost());
      else controller.enqueue(half);
      isSent = true;
    },
  });
  return new Response(stream, { status: response.status, headers: response.headers });
};

const withWrongIssuer: Reaction = async (_request, answer) => {
  const response = await answer();
  if (response.headers.has("location")) {
    return editCallback(response, (query) => {
      query.set("iss", WRONG_ISSUER);
    });
  }
  return editJson(response, (members) => ({ ...members, issuer: WRONG_ISSUER }));
};

/** What can befall any endpoint. */
export const ACCIDENTS: Readonly<Record<FaultName, Accident>> = {
  "401": { what: "status 401 without a challenge", react: status(401, "unauthorized") },
  "403": { what: "status 403 with a web page, as of a firewall", react: page(403, "Access denied") },
  "404": { what: "status 404 with a web page", react: page(404, "Not found") },
  "429": { what: "status 429", react: status(429, "temporarily_unavailable") },
  "429_retry_after": {
    what: "status 429 with `Retry-After: 120`",
    react: status(429, "temporarily_unavailable", { "retry-after": String(RETRY_AFTER_SECONDS) }),
  },
  "500": { what: "status 500", react: status(500, "server_error") },
  "502": { what: "status 502 with a web page, as of a gateway", react: page(502, "Bad gateway") },
  "503_retry_after": {
    what: "status 503 with `Retry-After: 120`",
    react: status(503, "temporarily_unavailable", { "retry-after": String(RETRY_AFTER_SECONDS) }),
  },
  "503_retry_after_date": {
    what: "status 503 with a date in `Retry-After`, 120 s from now",
    react: (_request, _answer, { now }) =>
      json(
        503,
        { error: "temporarily_unavailable" },
        { "retry-after": new Date(now() + RETRY_AFTER_SECONDS * 1000).toUTCString() },
      ),
  },
  html_200: { what: "a web page, with status 200", react: page(200, "Welcome") },
  empty_200: { what: "nothing, with status 200", react: body("") },
  bad_json: { what: "JSON that ends too early, with status 200", react: body('{"access_token":') },
  json_list: { what: "a JSON list, with status 200", react: body("[]") },
  oversized: { what: "4 MiB of JSON", react: () => json(200, { padding: "x".repeat(OVERSIZE) }) },
  cut_off: { what: "the connection breaks in the middle of the answer", react: cutOff },
  network_error: { what: "the request does not arrive", react: () => Promise.reject(connectionLost()) },
  lost_answer: {
    what: "the request arrives and is acted on, but its answer is lost",
    react: async (_request, answer) => {
      await answer();
      throw connectionLost();
    },
  },
  hang: { what: "no answer until the request is aborted", react: untilAborted },
  slow: { what: "the answer takes 5 s", react: slowly },
  redirected: {
    what: "a redirect (307) to another host",
    react: () => new Response(null, { status: 307, headers: { location: "https://elsewhere.example/" } }),
  },
  error_in_200: {
    what: "an OAuth error with status 200",
    react: () => json(200, { error: "invalid_grant", error_description: "made to fail" }),
  },
  invalid_client: { what: "the OAuth error of that name", react: refusal(401, "invalid_client") },
  invalid_grant: { what: "the OAuth error of that name", react: refusal(400, "invalid_grant") },
  invalid_scope: { what: "the OAuth error of that name", react: refusal(400, "invalid_scope") },
  invalid_target: { what: "the OAuth error of that name", react: refusal(400, "invalid_target") },
  unauthorized_client: { what: "the OAuth error of that name", react: refusal(400, "unauthorized_client") },
  forgotten_client: {
    what: "the client is forgotten for good, and refused from this request on",
    react: (_request, answer, { received, forgetClient }) => {
      const clientId = received.form.get("client_id") ?? received.url.searchParams.get("client_id");
      const basic = /^basic +([\w+/=]+)$/i.exec(received.request.headers.get("authorization") ?? "")?.[1];
      forgetClient(clientId ?? decodeURIComponent(atob(basic ?? "").split(":", 1)[0] ?? ""));
      return answer();
    },
  },
  wrong_issuer: {
    what: "another `issuer` in the metadata, another `iss` in the callback",
    react: withWrongIssuer,
  },
};
