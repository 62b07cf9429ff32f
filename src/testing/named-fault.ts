import type { MaybePromise } from "../index.js";
import type { Settings } from "./fake-auth-server-options.js";
import { json } from "./oauth-refusal.js";
import { receiveRequest } from "./received-request.js";
import type { ReceivedRequest } from "./received-request.js";
import type { FakeEndpoint } from "./request-log.js";

/** Lets the server answer: the request as it came, or another in its place. */
export type Answer = (changed?: Request) => Promise<Response>;

/** What a named fault can see and do. */
export interface FaultContext {
  readonly received: ReceivedRequest;
  readonly settings: Settings;
  readonly now: () => number;
  /** What this fault noted at earlier requests. */
  readonly memory: Set<string>;
  readonly forgetClient: (clientId: string) => void;
}

export type Reaction = (request: Request, answer: Answer, context: FaultContext) => MaybePromise<Response>;

/** A fault that befalls the endpoint that it is added for. */
export interface Accident {
  /** For the table in docs/testing.md. */
  readonly what: string;
  readonly react: Reaction;
}

/** A way in which some servers deviate, at the endpoints where they do. */
export interface Oddity {
  readonly what: string;
  readonly at: Readonly<Partial<Record<FakeEndpoint, Reaction>>>;
}

export type Json = Record<string, unknown>;

/** The same answer with other members, if it is a good one in JSON and says no error. */
export async function editJson(
  response: Response,
  edit: (members: Json) => unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  if (!response.ok) return response;
  const members = parseJson(await response.clone().text());
  if (members === undefined || "error" in members) return response;
  const body = edit(members);
  const changed = new Headers(response.headers);
  for (const [name, value] of Object.entries(headers)) changed.set(name, value);
  return new Response(typeof body === "string" ? body : JSON.stringify(body), {
    status: response.status,
    headers: changed,
  });
}

/** An OAuth error with another status and other members; other answers are left alone. */
export async function editError(response: Response, status: number, edit: (members: Json) => Json): Promise<Response> {
  const members = response.ok ? undefined : parseJson(await response.clone().text());
  if (members === undefined || !("error" in members)) return response;
  return json(status, edit(members));
}

function parseJson(text: string): Json | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? (parsed as Json) : undefined;
  } catch {
    return undefined;
  }
}

/** A reaction that changes the members of a good answer. */
export const edited =
  (edit: (members: Json, context: FaultContext) => unknown, headers?: Readonly<Record<string, string>>): Reaction =>
  async (_request, answer, context) =>
    editJson(await answer(), (members) => edit(members, context), headers);

/** The same answer with other headers. */
export function withHeaders(response: Response, edit: (headers: Headers) => void): Response {
  const headers = new Headers(response.headers);
  edit(headers);
  return new Response(response.body, { status: response.status, headers });
}

/** The same redirect with another query; other answers are left alone. */
export function editCallback(response: Response, edit: (query: URLSearchParams) => void): Response {
  const location = response.headers.get("location");
  if (location === null) return response;
  const callback = new URL(location);
  edit(callback.searchParams);
  return withHeaders(response, (headers) => {
    headers.set("location", callback.href);
  });
}

/** The request with other parameters, wherever it carries them. */
export function editParameters(
  { request, url, form }: ReceivedRequest,
  edit: (parameters: URLSearchParams) => void,
): Request {
  const { method, headers, signal } = request;
  const parameters = new URLSearchParams(form.size > 0 ? form : url.searchParams);
  edit(parameters);
  if (form.size > 0)
    return new Request(url, { method, headers: withoutLength(headers), signal, body: parameters.toString() });
  const changed = new URL(url);
  changed.search = parameters.toString();
  return new Request(changed, { method, headers, signal });
}

/** The request with other members in its JSON. */
export function editBody({ request, json }: ReceivedRequest, edit: (members: Json) => Json): Request {
  const { url, method, headers, signal } = request;
  const body = JSON.stringify(edit({ ...(json as Json) }));
  return new Request(url, { method, headers: withoutLength(headers), signal, body });
}

function withoutLength(headers: Headers): Headers {
  const changed = new Headers(headers);
  changed.delete("content-length");
  return changed;
}

/** The answer of a server with these faults: each is asked before those that were added ahead of it. */
export function befall(
  reactions: readonly { readonly react: Reaction; readonly memory: Set<string> }[],
  request: Request,
  respond: (received: ReceivedRequest) => Promise<Response>,
  context: Omit<FaultContext, "received" | "memory">,
): Promise<Response> {
  let answer: Answer = async (changed = request) => respond(await receiveRequest(changed));
  for (const { react, memory } of reactions) {
    const inner = answer;
    answer = async (current = request) =>
      // a fault that reads the body leaves it to be read
      react(current.clone(), (changed = current) => inner(changed), {
        ...context,
        memory,
        received: await receiveRequest(current),
      });
  }
  return answer();
}
