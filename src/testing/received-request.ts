import { OAuthRefusal } from "./oauth-refusal.js";

/** A request with its body read. */
export interface ReceivedRequest {
  readonly request: Request;
  readonly url: URL;
  readonly text: string;
  /** Empty unless the body is form-encoded. */
  readonly form: URLSearchParams;
  /** `undefined` unless the body is JSON. */
  readonly json: unknown;
}

/** Reads a copy of the body, so that the request itself can still be handed on. */
export async function receiveRequest(request: Request): Promise<ReceivedRequest> {
  const text = request.body === null ? "" : await request.clone().text();
  const type = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  return {
    request,
    url: new URL(request.url),
    text,
    form: new URLSearchParams(type === "application/x-www-form-urlencoded" ? text : ""),
    json: type === "application/json" ? parseJson(text) : undefined,
  };
}

/** `undefined` for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The single value of a parameter. Empty ones count as absent (RFC 6749 §3.1), repeated ones are refused. */
export function parameterOf(params: URLSearchParams, name: string): string | undefined {
  const values = params.getAll(name);
  if (values.length > 1) throw new OAuthRefusal(400, "invalid_request", `the parameter "${name}" is repeated`);
  return values[0] === "" ? undefined : values[0];
}

export function requiredParameterOf(params: URLSearchParams, name: string): string {
  const value = parameterOf(params, name);
  if (value === undefined) throw new OAuthRefusal(400, "invalid_request", `the parameter "${name}" is missing`);
  return value;
}

/** Form posts to the token and revocation endpoints. */
export function requireFormPost({ request }: ReceivedRequest): void {
  requireMethod(request, "POST");
  if (!/^application\/x-www-form-urlencoded *(;|$)/i.test(request.headers.get("content-type") ?? "")) {
    throw new OAuthRefusal(400, "invalid_request", "the body must be application/x-www-form-urlencoded");
  }
}

export function requireMethod(request: Request, method: "GET" | "POST"): void {
  if (request.method === method) return;
  throw new OAuthRefusal(405, "invalid_request", `only ${method} is allowed here`, { allow: method });
}
