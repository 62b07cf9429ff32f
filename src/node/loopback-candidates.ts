import type { StartCallbackServerOptions } from "../index.js";

/** The names of loopback that a redirect URI may have. */
export type LoopbackHostname = NonNullable<StartCallbackServerOptions["hostname"]>;

/** What the caller of a login fixed about its redirect URI. */
export interface LoopbackWish {
  readonly port: number | undefined;
  readonly hostname: LoopbackHostname | undefined;
}

type Candidate = Readonly<Required<Pick<StartCallbackServerOptions, "hostname" | "port" | "path">>>;

/**
 * Where to try to listen, in this order: the loopback redirect URIs that the client is registered with, then any port. With a
 * port of the caller's own there is one place.
 */
export function loopbackCandidates(
  registered: readonly string[],
  { port, hostname }: LoopbackWish,
): readonly Candidate[] {
  const preferred = hostname ?? "127.0.0.1";
  const known = registered
    .map(parseLoopback)
    .filter((candidate) => candidate !== undefined)
    .filter((candidate) => hostname === undefined || candidate.hostname === hostname)
    .filter((candidate) => port === undefined || candidate.port === 0 || candidate.port === port)
    .sort((one, other) => Number(other.hostname === preferred) - Number(one.hostname === preferred));
  const [first] = known;
  if (port !== undefined) return [{ hostname: preferred, path: "/callback", ...first, port }];
  return [...known, { hostname: preferred, path: "/callback", ...first, port: 0 }];
}

/** A redirect URI without a port is one that any port may be added to (RFC 8252 §7.3). */
function parseLoopback(redirectUri: string): Candidate | undefined {
  const match = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::(\d+))?(\/[^?#]*)$/.exec(redirectUri);
  if (!match) return undefined;
  const [, host = "", port = "0", path = ""] = match;
  return { hostname: host.replace(/[[\]]/g, "") as LoopbackHostname, port: Number(port), path };
}
