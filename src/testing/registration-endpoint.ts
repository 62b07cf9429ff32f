import { sha256 } from "../platform.js";
import type { AuthServerContext } from "./auth-server-context.js";
import { requireBearerToken } from "./bearer-token.js";
import { validMetadata } from "./client-metadata.js";
import type { ClientHashes, KnownClient } from "./clients.js";
import { json, notFound } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireMethod } from "./received-request.js";

/** Dynamic client registration, RFC 7591 §3. */
export async function answerRegistration(
  context: AuthServerContext,
  { request, json: body }: ReceivedRequest,
): Promise<Response> {
  const { settings, secrets, now } = context;
  if (settings.registration === "none") return notFound();
  requireMethod(request, "POST");
  if (settings.registration === "closed") {
    await requireBearerToken(request, sha256(settings.initialAccessToken ?? secrets.create("client_secret")));
  }
  const metadata = validMetadata(settings, body);
  const clientId = secrets.create("client");
  const registrationToken = settings.registrationManagement ? secrets.create("registration_access_token") : undefined;
  const answer = await saveClient(
    context,
    { ...metadata, client_id: clientId, client_id_issued_at: Math.floor(now() / 1000) },
    registrationToken,
  );
  return json(201, answer);
}

/** Stores a client, gives it a secret if it needs one and has none, and returns what it is told. */
export async function saveClient(
  context: AuthServerContext,
  client: KnownClient,
  registrationToken: string | undefined,
  { secret: known }: ClientHashes = {},
): Promise<Readonly<Record<string, unknown>>> {
  const usesSecret = client.token_endpoint_auth_method.startsWith("client_secret");
  const secret = usesSecret && known === undefined ? context.secrets.create("client_secret") : undefined;
  await context.clients.put(client, {
    secret: !usesSecret ? undefined : secret === undefined ? known : sha256(secret),
    registrationToken: registrationToken === undefined ? undefined : sha256(registrationToken),
  });
  return {
    ...clientInformation(context, client, registrationToken),
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
  };
}

/** What a client is told about itself (RFC 7591 §3.2.1, RFC 7592 §3). */
export const clientInformation = (
  { settings }: AuthServerContext,
  client: KnownClient,
  registrationToken: string | undefined,
): Readonly<Record<string, unknown>> => ({
  ...client,
  ...(registrationToken !== undefined && {
    registration_access_token: registrationToken,
    registration_client_uri: `${settings.endpoints.registration}/${client.client_id}`,
  }),
});
