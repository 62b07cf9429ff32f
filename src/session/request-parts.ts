/** What a fetch call came with, the `Request` form unpacked. */
export interface RequestParts {
  readonly href: string;
  readonly target: string | URL;
  readonly init: RequestInit | undefined;
}

/** Takes a `Request` apart, so that its headers can be replaced; its body is a stream unless `init` has another. */
export function unpackRequest(request: Request, init: RequestInit | undefined): RequestParts {
  // its members are getters on its prototype, which a spread would miss
  const members: Record<string, unknown> = {};
  for (const member in request) {
    const value: unknown = Reflect.get(request, member);
    if (typeof value !== "function") members[member] = value;
  }
  // fetch refuses the two together
  if (members["body"]) delete members["keepalive"];
  return { href: request.url, target: request.url, init: { ...members, ...init } };
}

/** Whether the caller brought credentials of its own. */
export function hasAuthorization(headers: HeadersInit | undefined): boolean {
  if (headers === undefined) return false;
  if (isHeaders(headers)) return headers.has("authorization");
  if (isList(headers)) return headers.some(([name]) => isAuthorization(name));
  for (const name in headers) if (isAuthorization(name)) return true;
  return false;
}

/** A copy of the headers with the token; the caller's object is not touched. */
export function withToken(headers: HeadersInit | undefined, accessToken: string): HeadersInit {
  const Authorization = `Bearer ${accessToken}`;
  if (headers === undefined) return { Authorization };
  if (!isHeaders(headers) && !isList(headers)) return { ...headers, Authorization };
  const copy = new Headers(headers);
  copy.set("Authorization", Authorization);
  return copy;
}

const isAuthorization = (name: string | undefined): boolean =>
  name?.length === 13 && name.toLowerCase() === "authorization";

const isHeaders = (headers: HeadersInit): headers is Headers => typeof headers["has" as never] === "function";

const isList = (headers: HeadersInit): headers is [string, string][] => Symbol.iterator in headers;
