import type { AuthChallenge } from "../types.js";

interface Challenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

/**
 * Reads the challenges of a `WWW-Authenticate` value (RFC 9110 §11.6.1), however many a server sent and joined. What is not
 * of that form is skipped; a parameter that comes twice counts once, the first.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; params: Map<string, string> }[] = [];
  let rest = header;
  const take = (pattern: RegExp): string => {
    const found = pattern.exec(rest)?.[0] ?? "";
    rest = rest.slice(found.length);
    return found;
  };
  while (rest !== "") {
    const name = take(/^[\w!#$%&'*+.^`|~-]+/).toLowerCase();
    if (name === "") {
      // a separator, or something that does not belong here
      take(/^"(?:[^"\\]|\\.)*"?|^./s);
    } else if (take(/^[ \t]*=[ \t]*/) !== "") {
      const value = take(/^"(?:[^"\\]|\\.)*"?|^[^\s,"]*/s)
        .replace(/^"|"$/g, "")
        .replace(/\\(.)/gs, "$1");
      const params = challenges.at(-1)?.params;
      if (params?.has(name) === false) params.set(name, value);
    } else {
      challenges.push({ scheme: name, params: new Map() });
      take(/^[ \t]+[\w.~+/-]+=*[ \t]*(?=,|$)/); // token68
    }
  }
  return challenges;
}

/**
 * Reads what a resource server's answer asks for in `WWW-Authenticate`. Hand the result to `discoverAuthServer`, `selectScope`
 * or `session.startAuthorization`; {@link createAuthFetch} does all this by itself.
 *
 * @remarks
 * Touches neither the network nor the body of the response. Of several challenges a `Bearer` one is preferred, then `DPoP`, then
 * any that names `resource_metadata`; that parameter is taken from whichever challenge has it. In browsers the header is readable
 * only when the server lists it in `Access-Control-Expose-Headers`.
 *
 * @param response - the answer to a request to the MCP server, usually with status 401 or 403
 * @returns the challenge; `undefined` when the response has none that OAuth has a use for
 * @example
 * ```ts
 * const response = await fetch("https://mcp.example.com/mcp", { method: "POST" });
 * const challenge = parseAuthChallenge(response);
 * if (challenge) console.log(challenge.scope, challenge.error);
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc9728#section-5.1 | RFC 9728 §5.1}
 * @public
 */
export function parseAuthChallenge(response: Response): AuthChallenge | undefined {
  const challenges = parseChallenges(response.headers.get("www-authenticate") ?? "");
  const told = challenges.find(({ params }) => params.get("resource_metadata"));
  const best = (scheme: string): Challenge | undefined => {
    const same = challenges.filter((challenge) => challenge.scheme === scheme);
    return same.find(({ params }) => params.has("error") || params.has("scope")) ?? same[0];
  };
  const chosen = best("bearer") ?? best("dpop") ?? told;
  if (!chosen) return undefined;
  const members = {
    resourceMetadataUrl: told?.params.get("resource_metadata"),
    scope: chosen.params.get("scope"),
    error: chosen.params.get("error"),
    errorDescription: chosen.params.get("error_description"),
  };
  return { scheme: chosen.scheme, ...Object.fromEntries(Object.entries(members).filter(([, value]) => value)) };
}
