import { sha256 } from "../platform.js";
import { checkAssertion } from "./assertion.js";
import type { AuthServerContext } from "./auth-server-context.js";
import type { KnownClient } from "./clients.js";
import { parseJsonWebToken } from "./json-web-token.js";
import { OAuthRefusal } from "./oauth-refusal.js";
import { parameterOf } from "./received-request.js";
import type { ReceivedRequest } from "./received-request.js";
import { isEqualInConstantTime } from "./secrets.js";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** How a client says who it is, not verified. */
interface Credentials {
  readonly clientId: string;
  readonly method: string;
  /** The secret, or the assertion. */
  readonly secret: string;
}

/** The client that sent a request to the token, revocation or device authorization endpoint (RFC 6749 §2.3). */
export async function authenticateClient(context: AuthServerContext, received: ReceivedRequest): Promise<KnownClient> {
  const credentials = credentialsOf(received);
  const client = await context.clients.find(credentials.clientId);
  if (client === undefined) throw invalidClient("the client is not known here");
  const { token_endpoint_auth_method: method } = client;
  if (method !== credentials.method) {
    throw invalidClient(`the client is registered for ${method} and used ${credentials.method}`);
  }
  const problem = await problemOf(context, client, credentials);
  if (problem !== undefined) throw invalidClient(problem);
  return client;
}

/** Whether a request to the token endpoint says at all which client sent it. */
export const namesClient = ({ request, form }: ReceivedRequest): boolean =>
  request.headers.has("authorization") || form.has("client_id") || form.has("client_assertion");

async function problemOf(
  context: AuthServerContext,
  client: KnownClient,
  { method, secret }: Credentials,
): Promise<string | undefined> {
  if (method === "none") return undefined;
  if (method === "private_key_jwt") return problemOfAssertion(context, client, secret);
  const registered = await context.clients.findRegistered(client.client_id);
  const isRight = isEqualInConstantTime((await registered?.hashes.secret) ?? "", await sha256(secret));
  return isRight ? undefined : "the client secret is wrong";
}

/** RFC 7523 §3; the audience is the issuer and nothing else, as draft-ietf-oauth-rfc7523bis §4 corrects it. */
async function problemOfAssertion(
  context: AuthServerContext,
  client: KnownClient,
  assertion: string,
): Promise<string | undefined> {
  const token = parseJsonWebToken(assertion);
  if (token === undefined) return "the client assertion is no JSON Web Token";
  const checked = await checkAssertion(context, token, {
    issuer: client.client_id,
    subject: client.client_id,
    audiences: [context.settings.issuer],
    keys: () => context.clients.keysOf(client),
    reusable: false,
  });
  return typeof checked === "string" ? checked : undefined;
}

function credentialsOf(received: ReceivedRequest): Credentials {
  const { form, request } = received;
  const clientId = parameterOf(form, "client_id");
  const secret = parameterOf(form, "client_secret");
  const assertion = parameterOf(form, "client_assertion");
  const assertionType = parameterOf(form, "client_assertion_type");
  const authorization = request.headers.get("authorization");
  if ([secret, assertion, authorization ?? undefined].filter((one) => one !== undefined).length > 1) {
    throw new OAuthRefusal(400, "invalid_request", "the client authenticates in more than one way");
  }
  if (assertion !== undefined || assertionType !== undefined) return fromAssertion(clientId, assertion, assertionType);
  if (authorization !== null) return fromBasic(clientId, authorization);
  if (clientId === undefined) throw invalidClient("there is no client authentication");
  return secret === undefined
    ? { clientId, method: "none", secret: "" }
    : { clientId, method: "client_secret_post", secret };
}

function fromBasic(clientId: string | undefined, authorization: string): Credentials {
  const basic = parseBasic(authorization);
  if (basic === undefined) throw invalidClient("the Authorization header cannot be read");
  requireSameClient(clientId, basic.clientId);
  return { ...basic, method: "client_secret_basic" };
}

/** RFC 7521 §4.2. */
function fromAssertion(
  clientId: string | undefined,
  assertion: string | undefined,
  type: string | undefined,
): Credentials {
  if (assertion === undefined || type !== ASSERTION_TYPE) {
    throw new OAuthRefusal(400, "invalid_request", `"client_assertion" and its type, ${ASSERTION_TYPE}, come together`);
  }
  const subject = parseJsonWebToken(assertion)?.claims["sub"];
  if (typeof subject !== "string") throw invalidClient("the client assertion names no client");
  requireSameClient(clientId, subject);
  return { clientId: subject, method: "private_key_jwt", secret: assertion };
}

function requireSameClient(clientId: string | undefined, authenticated: string): void {
  if (clientId === undefined || clientId === authenticated) return;
  throw new OAuthRefusal(400, "invalid_request", 'the "client_id" is not the client that authenticates');
}

/** Id and secret are form-encoded before they are joined (RFC 6749 §2.3.1). */
function parseBasic(header: string): { clientId: string; secret: string } | undefined {
  const [, encoded = ""] = /^basic +([\w+/=]+)$/i.exec(header) ?? [];
  try {
    const decoded = new TextDecoder().decode(Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)));
    const [clientId, secret] = decoded.split(/:([^]*)/, 2).map((part) => decodeURIComponent(part.replaceAll("+", " ")));
    return clientId === undefined || secret === undefined ? undefined : { clientId, secret };
  } catch {
    return undefined;
  }
}

/** RFC 6749 §5.2, and the challenge that RFC 9110 §15.5.2 wants with every 401. */
export const invalidClient = (description: string): OAuthRefusal =>
  new OAuthRefusal(401, "invalid_client", description, { "www-authenticate": 'Basic realm="token"' });
