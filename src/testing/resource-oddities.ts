import type { OddityName } from "./fault-names.js";
import { withHeaders } from "./named-fault.js";
import type { Oddity, Reaction } from "./named-fault.js";
import { json } from "./oauth-refusal.js";

/** Another challenge in place of the one that is there. */
const challenged =
  (edit: (challenge: string) => string | undefined): Reaction =>
  async (_request, answer) => {
    const response = await answer();
    const challenge = response.headers.get("www-authenticate");
    if (challenge === null) return response;
    return withHeaders(response, (headers) => {
      const changed = edit(challenge);
      headers.delete("www-authenticate");
      if (changed !== undefined) headers.set("www-authenticate", changed);
    });
  };

const rejectsEveryToken: Reaction = (request, answer) => {
  if (!request.headers.has("authorization")) return answer();
  const headers = new Headers(request.headers);
  headers.set("authorization", "Bearer not-accepted-here");
  return answer(new Request(request, { headers }));
};

const serverErrorForBadTokens: Reaction = async (request, answer) => {
  const response = await answer();
  const isRefused = response.status === 401 && request.headers.has("authorization");
  return isRefused ? json(500, { error: "server_error" }) : response;
};

const stepUpAs401: Reaction = async (_request, answer) => {
  const response = await answer();
  if (response.status !== 403) return response;
  return new Response(response.body, { status: 401, headers: response.headers });
};

const getRefused: Reaction = async (request, answer) => {
  const response = await answer();
  return request.method === "GET" && response.ok
    ? new Response(null, { status: 405, headers: { allow: "POST, DELETE" } })
    : response;
};

const withoutCors: Reaction = async (_request, answer) =>
  withHeaders(await answer(), (headers) => {
    headers.delete("access-control-allow-origin");
    headers.delete("access-control-expose-headers");
  });

/** Deviations of the MCP server, and of what browsers are told. */
export const RESOURCE_ODDITIES = {
  challenge_missing: {
    what: "401 and 403 without `WWW-Authenticate`",
    at: { resource: challenged(() => undefined) },
  },
  challenge_last: {
    what: "the challenge comes after one of `Negotiate` and one of `Basic`",
    at: { resource: challenged((challenge) => `Negotiate, Basic realm="intranet, \\"old\\"", ${challenge}`) },
  },
  challenge_upper_case: {
    what: "scheme and parameter names of the challenge are in upper case",
    at: {
      resource: challenged((challenge) => challenge.replace(/(?:^|, )[\w ]+(?==|$)/g, (names) => names.toUpperCase())),
    },
  },
  challenge_twice: {
    what: "the challenge holds its `resource_metadata` twice",
    at: {
      resource: challenged((challenge) => {
        const [parameter] = /resource_metadata="[^"]*"/.exec(challenge) ?? [];
        return parameter === undefined ? challenge : `${challenge}, ${parameter}`;
      }),
    },
  },
  challenge_escaped: {
    what: "the values of the challenge have needless backslashes",
    at: { resource: challenged((challenge) => challenge.replace(/(?<==")[^"\\]/g, "\\$&")) },
  },
  scope_not_named: {
    what: "challenges do not say which scope is missing",
    at: { resource: challenged((challenge) => challenge.replace(/scope="[^"]*"(?:, )?/, "").replace(/,? *$/, "")) },
  },
  step_up_401: { what: "a missing scope is answered with 401 in place of 403", at: { resource: stepUpAs401 } },
  rejects_every_token: {
    what: "no token is accepted, as by a server that waits for another audience",
    at: { resource: rejectsEveryToken },
  },
  bad_token_500: { what: "a bad token is answered with 500", at: { resource: serverErrorForBadTokens } },
  no_cors: {
    what: "scripts of other origins may not read the answers",
    at: {
      protectedResourceMetadata: withoutCors,
      authorizationServerMetadata: withoutCors,
      registration: withoutCors,
      token: withoutCors,
      refresh: withoutCors,
      revocation: withoutCors,
      resource: withoutCors,
    },
  },
  challenge_not_exposed: {
    what: "scripts of other origins may read the answer, but not its `WWW-Authenticate`",
    at: {
      resource: async (_request, answer) =>
        withHeaders(await answer(), (headers) => {
          headers.delete("access-control-expose-headers");
        }),
    },
  },
  get_405: { what: "GET is answered with 405 (Notion)", at: { resource: getRefused } },
} satisfies Partial<Record<OddityName, Oddity>>;
