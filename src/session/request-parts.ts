/** What a fetch call came with, the `Request` form unpacked. */
export interface RequestParts {
  readonly href: string;
  readonly target: string | URL;
  readonly init: RequestInit | undefined;
}

/** A `Request` as init, so that its headers can be replaced; its body is a stream unless `init` has another. */
export async function requestInit(request: Request, init: RequestInit | undefined): Promise<RequestInit> {
  // its members are getters on its prototype, which a spread would miss
  const members: Record<string, unknown> = {};
  for (const member in request) {
    const value: unknown = Reflect.get(request, member);
    if (typeof value !== "function") members[member] = value;
  }
  // where requests do not show their body (Firefox), it has to be read
  if (members["body"] === undefined && !/^(GET|HEAD)$/.test(request.method)) members["body"] = await request.blob();
  // fetch refuses the two together
  if (members["body"]) delete members["keepalive"];
  // as in fetch itself, a member that is undefined is not there
  for (const member in init) {
    const value: unknown = Reflect.get(init, member);
    if (value !== undefined) members[member] = value;
  }
  return members;
}

/**
 * A copy of the headers with these credentials; the caller's object is not touched. `undefined` when the caller brought
 * credentials of its own.
 */
export function withAuthorization(headers: HeadersInit | undefined, Authorization: string): HeadersInit | undefined {
  if (headers === undefined) return { Authorization };
  if (isHeaders(headers) || isList(headers)) {
    const copy = new Headers(headers);
    if (copy.has("authorization")) return undefined;
    // in small letters: in Node it costs a seventh less
    copy.set("authorization", Authorization);
    return copy;
  }
  for (const name in headers) if (name.length === 13 && name.toLowerCase() === "authorization") return undefined;
  return { ...headers, Authorization };
}

const isHeaders = (headers: HeadersInit): headers is Headers => typeof headers["has" as never] === "function";

const isList = (headers: HeadersInit): headers is [string, string][] => Symbol.iterator in headers;
