import type { AuthorizationServerMetadata, ProtectedResourceMetadata } from "../types.js";

/** A document that can be used, or what is wrong with it, naming the member. */
export type Parsed<T> =
  { readonly value: T; readonly problem?: undefined } | { readonly value?: undefined; readonly problem: string };

/** What a client needs of a registration response (RFC 7591 §3.2.1). */
export interface ClientInformation {
  readonly client_id: string;
  readonly client_secret?: string;
  /** Seconds since the epoch; 0: never. */
  readonly client_secret_expires_at: number;
  readonly token_endpoint_auth_method?: string;
  readonly redirect_uris?: readonly string[];
  readonly grant_types?: readonly string[];
  readonly scope?: string;
  readonly registration_access_token?: string;
  readonly registration_client_uri?: string;
  readonly [member: string]: unknown;
}

type Kind = "string" | "list of strings" | "boolean";

export const isTextList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((entry) => typeof entry === "string");

const isOfKind = (value: unknown, kind: Kind): boolean =>
  kind === "list of strings" ? isTextList(value) : typeof value === kind;

/** Names of members: `!` marks one that must be there and right, `?` one that must be right when it is there. */
type Members = Readonly<Partial<Record<Kind, string>>>;

/** Checks member by member. A wrong one that has no mark is dropped, as if it were absent. */
function parse<T>(document: object, expected: Members): Parsed<T> {
  const members: Record<string, unknown> = { ...document };
  for (const [kind, names] of Object.entries(expected)) {
    for (const name of names.split(" ")) {
      const member = name.replace(/\W/, "");
      const value = members[member];
      if (isOfKind(value, kind as Kind) || (value === undefined && !name.endsWith("!"))) continue;
      if (member !== name) return { problem: `"${member}" must be a ${kind}` };
      Reflect.deleteProperty(members, member);
    }
  }
  return { value: members as T };
}

/** RFC 9728 §2. */
export const parseProtectedResourceMetadata = (document: object): Parsed<ProtectedResourceMetadata> =>
  parse(document, { string: "resource!", "list of strings": "authorization_servers? scopes_supported" });

/** RFC 8414 §2. */
export const parseAuthorizationServerMetadata = (document: object): Parsed<AuthorizationServerMetadata> =>
  parse(document, {
    string: "issuer! token_endpoint! authorization_endpoint? registration_endpoint revocation_endpoint",
    "list of strings":
      "scopes_supported response_types_supported grant_types_supported token_endpoint_auth_methods_supported " +
      "code_challenge_methods_supported protected_resources",
    boolean: "authorization_response_iss_parameter_supported client_id_metadata_document_supported",
  });

/** RFC 7591 §3.2.1. An empty secret is none; a missing expiry is never, and may be written as a string. */
export function parseClientInformation(document: object): Parsed<ClientInformation> {
  const { client_secret_expires_at: expiry, ...members }: Record<string, unknown> = { ...document };
  if (members["client_secret"] === "") delete members["client_secret"];
  if (members["client_id"] === "") return { problem: '"client_id" must not be empty' };
  return parse(
    { ...members, client_secret_expires_at: Math.max(0, Number(expiry)) || 0 },
    {
      string:
        "client_id! client_secret? token_endpoint_auth_method? scope registration_access_token registration_client_uri",
      "list of strings": "redirect_uris grant_types",
    },
  );
}
