import * as z from "zod/mini";
import type { AuthorizationServerMetadata, ProtectedResourceMetadata } from "../types.js";

/** A document that can be used, or what is wrong with it, naming the member. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

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

function isOfKind(value: unknown, kind: Kind): boolean {
  const text = z.string();
  const schema = kind === "string" ? text : kind === "boolean" ? z.boolean() : z.array(text);
  // `jitless`: parsers built from strings break under a content security policy.
  return z.safeParse(schema, value, { jitless: true }).success;
}

/**
 * Members are checked one by one, without a schema of the whole object, which would double what zod weighs. A document with a wrong
 * `essential` member is refused; any other wrong member is dropped, as if it were absent.
 */
function parse<T>(
  document: object,
  required: readonly string[],
  kinds: Readonly<Record<string, Kind>>,
  essential: readonly string[],
): Parsed<T> {
  const members: Record<string, unknown> = { ...document };
  for (const [member, kind] of Object.entries(kinds)) {
    const value = members[member];
    if ((value === undefined && !required.includes(member)) || isOfKind(value, kind)) continue;
    if (essential.includes(member)) return { ok: false, problem: `"${member}" must be a ${kind}` };
    Reflect.deleteProperty(members, member);
  }
  return { ok: true, value: members as T };
}

/** RFC 9728 §2. */
export const parseProtectedResourceMetadata = (document: object): Parsed<ProtectedResourceMetadata> =>
  parse(
    document,
    ["resource"],
    { resource: "string", authorization_servers: "list of strings", scopes_supported: "list of strings" },
    ["resource", "authorization_servers"],
  );

/** RFC 8414 §2. */
export const parseAuthorizationServerMetadata = (document: object): Parsed<AuthorizationServerMetadata> =>
  parse(
    document,
    ["issuer", "token_endpoint"],
    {
      issuer: "string",
      authorization_endpoint: "string",
      token_endpoint: "string",
      registration_endpoint: "string",
      revocation_endpoint: "string",
      scopes_supported: "list of strings",
      response_types_supported: "list of strings",
      grant_types_supported: "list of strings",
      token_endpoint_auth_methods_supported: "list of strings",
      code_challenge_methods_supported: "list of strings",
      authorization_response_iss_parameter_supported: "boolean",
      client_id_metadata_document_supported: "boolean",
      protected_resources: "list of strings",
    },
    ["issuer", "token_endpoint", "authorization_endpoint"],
  );

/** RFC 7591 §3.2.1. An empty secret is none; a missing expiry is never, and may be written as a string. */
export function parseClientInformation(document: object): Parsed<ClientInformation> {
  const { client_secret_expires_at: expiry, ...members }: Record<string, unknown> = { ...document };
  if (members["client_secret"] === "") delete members["client_secret"];
  if (members["client_id"] === "") return { ok: false, problem: '"client_id" must not be empty' };
  return parse(
    { ...members, client_secret_expires_at: Math.max(0, Number(expiry)) || 0 },
    ["client_id"],
    {
      client_id: "string",
      client_secret: "string",
      token_endpoint_auth_method: "string",
      redirect_uris: "list of strings",
      grant_types: "list of strings",
      scope: "string",
      registration_access_token: "string",
      registration_client_uri: "string",
    },
    ["client_id", "client_secret", "token_endpoint_auth_method"],
  );
}
