import type { OddityName } from "./fault-names.js";
import { editCallback, edited, editError, editJson, editParameters } from "./named-fault.js";
import type { Answer, Json, Oddity, Reaction } from "./named-fault.js";
import { OAuthRefusal } from "./oauth-refusal.js";

/** A deviation of every answer with tokens. */
const ofTokens = (react: Reaction): Oddity["at"] => ({ token: react, refresh: react });

const withMembers = (changes: Json): Oddity["at"] => ofTokens(edited((members) => ({ ...members, ...changes })));

const commas = (scope: unknown): string => (typeof scope === "string" ? scope.replaceAll(" ", ",") : "");

const FORM = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };

const asForm = (members: Json): string =>
  new URLSearchParams(Object.entries(members).map(([name, value]) => [name, String(value)])).toString();

const slackTokens: Reaction = edited(({ access_token, refresh_token, expires_in, scope }) => ({
  ok: true,
  app_id: "A0EXAMPLE",
  authed_user: { id: "U0EXAMPLE", scope: commas(scope), token_type: "user", access_token, refresh_token, expires_in },
  team: { id: "T0EXAMPLE", name: "Example" },
}));

const slackErrors: Reaction = async (_request, answer) =>
  editError(await answer(), 200, ({ error }) => ({ ok: false, error }));

const slackScope: Reaction = (_request, answer, { received }) =>
  answer(
    editParameters(received, (query) => {
      const scope = query.get("user_scope");
      query.delete("user_scope");
      query.delete("scope");
      if (scope !== null) query.set("scope", scope.replaceAll(",", " "));
    }),
  );

const githubErrors: Reaction = async (_request, answer) =>
  editError(await answer(), 200, ({ error, error_description }) => ({
    error: error === "invalid_grant" ? "bad_verification_code" : error,
    error_description,
    error_uri: "https://docs.github.com/",
  }));

/** Without the parameter, tokens are for the only resource there is. */
const forTheOnlyResource = async (answer: Answer, context: Parameters<Reaction>[2]): Promise<Response> =>
  answer(
    editParameters(context.received, (parameters) => {
      parameters.set("resource", context.settings.resource);
    }),
  );

const ENTRA_RESOURCE =
  "AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.";

const entraResource: Reaction = async (_request, answer, context) =>
  context.received.form.has("resource")
    ? new OAuthRefusal(400, "invalid_target", ENTRA_RESOURCE).toResponse()
    : forTheOnlyResource(answer, context);

const entraAuthorization: Reaction = async (_request, answer, context) => {
  const response = await forTheOnlyResource(answer, context);
  if (!context.received.url.searchParams.has("resource")) return response;
  return editCallback(response, (query) => {
    query.delete("code");
    query.set("error", "invalid_target");
    query.set("error_description", ENTRA_RESOURCE);
  });
};

const entraRefresh: Reaction = (_request, answer, { received }) =>
  received.form.has("scope")
    ? answer()
    : new OAuthRefusal(
        400,
        "invalid_request",
        "AADSTS90009: The application is requesting a token for itself. This is supported only with its GUID as resource.",
      ).toResponse();

/** Remembers which codes were asked for with `access_type=offline`. */
const googleAuthorization: Reaction = async (_request, answer, { received, memory }) => {
  const response = await answer();
  const location = response.headers.get("location");
  const code = location === null ? null : new URL(location).searchParams.get("code");
  if (code !== null && received.url.searchParams.get("access_type") === "offline") memory.add(code);
  return response;
};

const googleTokens: Reaction = async (_request, answer, { received, memory }) => {
  const response = await answer();
  return memory.has(received.form.get("code") ?? "")
    ? response
    : editJson(response, (members) => ({ ...members, refresh_token: undefined }));
};

/** Takes id and secret of the header as they are, without the form encoding of RFC 6749 §2.3.1. */
const rawBasic: Reaction = (request, answer) => {
  const [, encoded] = /^basic +([\w+/=]+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  if (encoded === undefined) return answer();
  const [id = "", secret = ""] = atob(encoded).split(/:([^]*)/, 2);
  const headers = new Headers(request.headers);
  headers.set("authorization", `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`);
  return answer(new Request(request, { headers }));
};

const invalidClientAs400: Reaction = async (_request, answer) => {
  const response = await answer();
  return response.status === 401 ? editError(response, 400, (members) => members) : response;
};

const inCallback = (edit: (query: URLSearchParams) => void): Oddity["at"] => ({
  authorization: async (_request, answer) => editCallback(await answer(), edit),
});

/** Deviations of logins and of the token endpoint. */
export const TOKEN_ODDITIES = {
  missing_state: {
    what: "the callback has no `state`",
    at: inCallback((query) => {
      query.delete("state");
    }),
  },
  wrong_state: {
    what: "the callback has another `state`",
    at: inCallback((query) => {
      query.set("state", "of-another-login");
    }),
  },
  missing_iss: {
    what: "the callback has no `iss`, although the metadata says that it will",
    at: inCallback((query) => {
      query.delete("iss");
    }),
  },
  slack_user_scope: {
    what: "scopes are asked for in `user_scope`; those in `scope` are for a bot and ignored (Slack)",
    at: { authorization: slackScope },
  },
  slack_tokens: {
    what: 'tokens are in `authed_user`, with `token_type: "user"` and commas between the scopes (Slack)',
    at: ofTokens(slackTokens),
  },
  slack_errors: { what: "errors come with status 200 and `ok: false` (Slack)", at: ofTokens(slackErrors) },
  github_tokens: {
    what: "no `expires_in`, a `token_type` in lower case, commas between the scopes (GitHub)",
    at: ofTokens(
      edited((members) => ({
        ...members,
        expires_in: undefined,
        token_type: "bearer",
        scope: commas(members["scope"]),
      })),
    ),
  },
  github_errors: {
    what: "errors come with status 200, and codes of their own such as `bad_verification_code` (GitHub)",
    at: ofTokens(githubErrors),
  },
  entra_resource: {
    what: "a `resource` parameter is refused (Entra, AADSTS9010010)",
    at: { authorization: entraAuthorization, token: entraResource, refresh: entraResource },
  },
  entra_refresh: { what: "a refresh without `scope` is refused (Entra, AADSTS90009)", at: { refresh: entraRefresh } },
  google_offline: {
    what: "a refresh token is given to those alone who ask with `access_type=offline` (Google)",
    at: { authorization: googleAuthorization, token: googleTokens },
  },
  raw_basic: {
    what: "id and secret in the Authorization header must not be form-encoded",
    at: { token: rawBasic, refresh: rawBasic, revocation: rawBasic },
  },
  invalid_client_400: {
    what: "`invalid_client` comes with status 400",
    at: { token: invalidClientAs400, refresh: invalidClientAs400, revocation: invalidClientAs400 },
  },
  form_encoded_tokens: { what: "tokens come form-encoded", at: ofTokens(edited(asForm, FORM)) },
  nested_tokens: { what: "tokens are in a member `data`", at: ofTokens(edited((members) => ({ data: members }))) },
  expires_in_string: {
    what: "`expires_in` is a string",
    at: ofTokens(edited((members) => ({ ...members, expires_in: String(members["expires_in"]) }))),
  },
  expires_in_zero: { what: "`expires_in` is 0", at: withMembers({ expires_in: 0 }) },
  expires_in_missing: { what: "there is no `expires_in`", at: withMembers({ expires_in: undefined }) },
  token_type_lower_case: { what: "`token_type` is `bearer`", at: withMembers({ token_type: "bearer" }) },
  token_type_missing: { what: "there is no `token_type`", at: withMembers({ token_type: undefined }) },
  token_type_unknown: { what: "`token_type` is `mac`", at: withMembers({ token_type: "mac" }) },
  scope_missing: { what: "the granted `scope` is not said", at: withMembers({ scope: undefined }) },
  scope_with_commas: {
    what: "the granted `scope` has commas in place of spaces",
    at: ofTokens(edited((members) => ({ ...members, scope: commas(members["scope"]) }))),
  },
  scope_list: {
    what: "the granted `scope` is a JSON list",
    at: ofTokens(edited((members) => ({ ...members, scope: commas(members["scope"]).split(",") }))),
  },
  refresh_token_missing: { what: "there is no refresh token", at: withMembers({ refresh_token: undefined }) },
  refresh_token_null: { what: "`refresh_token` is `null`", at: withMembers({ refresh_token: null }) },
  refresh_token_empty: { what: "`refresh_token` is an empty string", at: withMembers({ refresh_token: "" }) },
  access_token_missing: { what: "there is no access token", at: withMembers({ access_token: undefined }) },
  access_token_empty: { what: "`access_token` is an empty string", at: withMembers({ access_token: "" }) },
} satisfies Partial<Record<OddityName, Oddity>>;
