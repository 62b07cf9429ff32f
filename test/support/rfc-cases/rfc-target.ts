import { createHash, randomUUID } from "node:crypto";
import { importJWK, SignJWT, type JWK } from "jose";

/** An authorization server that the cases are sent to. It knows {@link RFC_CLIENTS}, and the scopes `mcp:read` and `mcp:write`. */
export interface RfcTarget {
  readonly issuer: string;
  readonly resource: string;
  readonly endpoints: Readonly<
    Record<"authorization" | "token" | "registration" | "revocation" | "introspection" | "deviceAuthorization", string>
  >;
  /** What introspection wants in the Authorization header. */
  readonly introspectionAuthorization: string;
  /** Follows no redirects. */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /** A user who logs in and allows everything; the callback URL. */
  readonly approve: (authorizationUrl: URL) => Promise<URL>;
  /** Moves the clock, where there is one. */
  readonly advance?: (ms: number) => void;
  /** A user who refuses a device. */
  readonly denyDevice?: (userCode: string) => void;
  readonly approveDevice?: (userCode: string) => void;
}

/** What comes of a case: a status with the error, `callback` with the error at the redirect URI, or `accepted`. */
export type RfcOutcome = string;

export interface RfcCase {
  readonly name: string;
  /** The section that asks for the outcome. */
  readonly rfc: string;
  readonly outcome: RfcOutcome;
  readonly send: (target: RfcTarget) => Promise<Response>;
}

export type Params = Readonly<Record<string, string | readonly string[] | undefined>>;

export const REDIRECT_URI = "http://127.0.0.1:8976/callback";
export const VERIFIER = "a-verifier-of-the-length-that-RFC-7636-asks-for";
export const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");
export const SECRET = "a secret with: odd % characters & more";

/** The key of the client that signs. */
const PRIVATE_KEY: JWK = {
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
  d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
};
const { d: _, ...PUBLIC_KEY } = PRIVATE_KEY;

const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
const base = {
  redirect_uris: [REDIRECT_URI],
  response_types: ["code"],
  application_type: "native" as const,
  grant_types: ["authorization_code", "refresh_token"],
};
const machine = { redirect_uris: [], response_types: [], grant_types: ["client_credentials"] };

/** Clients that the target knows, in the terms of RFC 7591. */
export const RFC_CLIENTS = [
  { ...base, client_id: "public", token_endpoint_auth_method: "none", grant_types: [...base.grant_types, DEVICE] },
  { ...base, client_id: "other", token_endpoint_auth_method: "none", grant_types: [...base.grant_types, DEVICE] },
  { ...base, client_id: "basic", client_secret: SECRET, token_endpoint_auth_method: "client_secret_basic" },
  { ...base, client_id: "post", client_secret: SECRET, token_endpoint_auth_method: "client_secret_post" },
  {
    ...machine,
    client_id: "machine",
    client_secret: SECRET,
    token_endpoint_auth_method: "client_secret_post",
  },
  {
    ...machine,
    client_id: "signer",
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: "ES256",
    jwks: { keys: [PUBLIC_KEY] },
  },
] as const;

/** A parameter that is a list is repeated, one that is `undefined` left out. */
export function paramsOf(...parts: readonly Params[]): URLSearchParams {
  const all = Object.assign({}, ...parts) as Params;
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(all)) {
    const values: readonly string[] = typeof value === "string" ? [value] : (value ?? []);
    for (const one of values) params.append(name, one);
  }
  return params;
}

export const post = (
  target: RfcTarget,
  endpoint: keyof RfcTarget["endpoints"],
  params: URLSearchParams,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> => target.fetch(target.endpoints[endpoint], { method: "POST", body: params, headers });

export const authorizationUrl = (target: RfcTarget, changes: Params = {}): URL => {
  const url = new URL(target.endpoints.authorization);
  url.search = paramsOf(
    {
      response_type: "code",
      client_id: "public",
      redirect_uri: REDIRECT_URI,
      scope: "mcp:read",
      state: "the-state",
      code_challenge: CHALLENGE,
      code_challenge_method: "S256",
      resource: target.resource,
    },
    changes,
  ).toString();
  return url;
};

/** A code, and all that the token request for it needs. */
export async function codeParams(target: RfcTarget, changes: Params = {}): Promise<Record<string, string>> {
  const callback = await target.approve(authorizationUrl(target, changes));
  const code = callback.searchParams.get("code");
  if (code === null) throw new Error(`no code: ${callback.search}`);
  return {
    grant_type: "authorization_code",
    client_id: "public",
    code,
    code_verifier: VERIFIER,
    redirect_uri: REDIRECT_URI,
  };
}

export interface RfcTokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

export async function logIn(target: RfcTarget, changes: Params = {}): Promise<RfcTokens> {
  const response = await post(target, "token", paramsOf(await codeParams(target, changes)));
  const tokens = (await response.json()) as Partial<RfcTokens>;
  if (tokens.refresh_token === undefined) throw new Error(`no refresh token: ${JSON.stringify(tokens)}`);
  return tokens as RfcTokens;
}

export const basic = (id: string, secret = SECRET): Record<string, string> => ({
  authorization: `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`,
});

/** A client assertion of `signer` with other claims or header. */
export async function assertionFor(
  target: RfcTarget,
  changes: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: "signer",
    sub: "signer",
    aud: target.issuer,
    iat: now,
    exp: now + 60,
    jti: randomUUID(),
    ...changes,
  };
  return new SignJWT(JSON.parse(JSON.stringify(claims)) as Record<string, unknown>)
    .setProtectedHeader({ alg: "ES256", ...header })
    .sign(await importJWK(PRIVATE_KEY, "ES256"));
}

/** What came of a case. */
export async function outcomeOf(target: RfcTarget, response: Response): Promise<RfcOutcome> {
  const location = response.headers.get("location");
  if (location !== null) {
    const url = new URL(location, target.issuer);
    const error = url.searchParams.get("error") ?? new URLSearchParams(url.hash.slice(1)).get("error");
    return error === null ? "accepted" : `callback ${error}`;
  }
  // the page on which the user decides
  const isPage = response.headers.get("content-type")?.startsWith("text/html") === true;
  if (response.status === 200 && isPage) return "accepted";
  const text = await response.text();
  const error = /^\{.*"error":"(\w+)"|^(\w+): /.exec(text);
  return [response.status, error?.[1] ?? error?.[2]].filter(Boolean).join(" ");
}
