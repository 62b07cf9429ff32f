import { createHash, randomBytes } from "node:crypto";
import type { FakeAuthServer } from "../../../src/testing.js";

/** A client that does what a test says and checks nothing: the other side of the fake server in its own tests. */

export const REDIRECT_URI = "http://127.0.0.1:8976/callback";

export type Json = Record<string, unknown>;

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly scope?: string;
}

export const jsonOf = async (response: Response): Promise<Json> => (await response.json()) as Json;

/** Status and error code of an answer. */
export const outcomeOf = async (response: Response): Promise<[number, unknown]> => [
  response.status,
  (await jsonOf(response))["error"],
];

export async function register(server: FakeAuthServer, metadata: Json = {}): Promise<Response> {
  return server.fetch(`${server.issuer}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      ...metadata,
    }),
  });
}

export async function registeredClientId(server: FakeAuthServer, metadata: Json = {}): Promise<string> {
  return (await jsonOf(await register(server, metadata)))["client_id"] as string;
}

export function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString("base64url");
  return { verifier, challenge: createHash("sha256").update(verifier).digest("base64url") };
}

/** `undefined` leaves a parameter out. */
export function authorizationUrl(
  server: FakeAuthServer,
  clientId: string,
  challenge: string,
  changes: Record<string, string | undefined> = {},
): URL {
  const url = new URL(`${server.issuer}/authorize`);
  const params: Record<string, string | undefined> = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_challenge: challenge,
    code_challenge_method: "S256",
    state: "the-state",
    resource: server.serverUrl,
    ...changes,
  };
  for (const [name, value] of Object.entries(params)) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

export async function postForm(
  server: FakeAuthServer,
  path: string,
  params: Record<string, string | undefined>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value !== undefined) body.set(name, value);
  return server.fetch(`${server.issuer}${path}`, { method: "POST", body, headers });
}

/** The parameters of a token request that is as good as the approved authorization request was. */
export async function codeParams(
  server: FakeAuthServer,
  clientId: string,
  changes: Record<string, string | undefined> = {},
): Promise<Record<string, string | undefined>> {
  const { verifier, challenge } = pkce();
  const callback = await server.approve(authorizationUrl(server, clientId, challenge, changes));
  return {
    grant_type: "authorization_code",
    client_id: clientId,
    code: callback.searchParams.get("code") ?? "",
    code_verifier: verifier,
    redirect_uri: changes["redirect_uri"] ?? REDIRECT_URI,
    resource: server.serverUrl,
  };
}

export async function logIn(
  server: FakeAuthServer,
  clientId: string,
  changes: Record<string, string | undefined> = {},
  credentials: Record<string, string | undefined> = {},
): Promise<Tokens> {
  const params = { ...(await codeParams(server, clientId, changes)), ...credentials };
  const response = await postForm(server, "/token", params);
  return (await response.json()) as Tokens;
}

export async function refresh(
  server: FakeAuthServer,
  clientId: string,
  refreshToken: string,
  changes: Record<string, string | undefined> = {},
): Promise<Response> {
  return postForm(server, "/token", {
    grant_type: "refresh_token",
    client_id: clientId,
    refresh_token: refreshToken,
    resource: server.serverUrl,
    ...changes,
  });
}

export async function call(server: FakeAuthServer, accessToken?: string, url = server.serverUrl): Promise<Response> {
  return server.fetch(url, accessToken === undefined ? {} : { headers: { authorization: `Bearer ${accessToken}` } });
}
