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

const text = () => z.optional(z.string());
const list = () => z.optional(z.array(z.string()));
const flag = () => z.optional(z.boolean());

/** `essential` members must be as the schema says; any other member of a wrong type is dropped, as if it were absent. */
function parse<T>(document: object, shape: z.core.$ZodLooseShape, essential: readonly string[]): Parsed<T> {
  const input: Record<string, unknown> = { ...document };
  // `jitless`: building parsers from strings breaks under a content security policy.
  const { error } = z.safeParse(z.looseObject(shape), input, { jitless: true });
  for (const { path, ...issue } of error?.issues ?? []) {
    const member = String(path[0]);
    const isList = path.length > 1 || (issue.code === "invalid_type" && issue.expected === "array");
    if (essential.includes(member))
      return { ok: false, problem: `"${member}" must be a ${isList ? "list of strings" : "string"}` };
    Reflect.deleteProperty(input, member);
  }
  return { ok: true, value: input as T };
}

/** RFC 9728 §2. */
export const parseProtectedResourceMetadata = (document: object): Parsed<ProtectedResourceMetadata> =>
  parse(document, { resource: z.string(), authorization_servers: list(), scopes_supported: list() }, [
    "resource",
    "authorization_servers",
  ]);

/** RFC 8414 §2. */
export const parseAuthorizationServerMetadata = (document: object): Parsed<AuthorizationServerMetadata> =>
  parse(
    document,
    {
      issuer: z.string(),
      authorization_endpoint: text(),
      token_endpoint: z.string(),
      registration_endpoint: text(),
      revocation_endpoint: text(),
      scopes_supported: list(),
      response_types_supported: list(),
      grant_types_supported: list(),
      token_endpoint_auth_methods_supported: list(),
      code_challenge_methods_supported: list(),
      authorization_response_iss_parameter_supported: flag(),
      client_id_metadata_document_supported: flag(),
      protected_resources: list(),
    },
    ["issuer", "authorization_endpoint", "token_endpoint"],
  );

/** RFC 7591 §3.2.1. An empty secret is none; a missing expiry is never, and may be written as a string. */
export function parseClientInformation(document: object): Parsed<ClientInformation> {
  const { client_secret_expires_at: expiry, ...members }: Record<string, unknown> = { ...document };
  if (members["client_secret"] === "") delete members["client_secret"];
  if (members["client_id"] === "") return { ok: false, problem: '"client_id" must not be empty' };
  return parse(
    { ...members, client_secret_expires_at: Math.max(0, Number(expiry)) || 0 },
    {
      client_id: z.string(),
      client_secret: text(),
      token_endpoint_auth_method: text(),
      redirect_uris: list(),
      grant_types: list(),
      scope: text(),
      registration_access_token: text(),
      registration_client_uri: text(),
    },
    ["client_id", "client_secret", "token_endpoint_auth_method"],
  );
}
