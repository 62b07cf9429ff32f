import { sha256 } from "../platform.js";
import type { AuthServerContext } from "./auth-server-context.js";
import { bearerTokenOf, requireBearerToken, wrongBearerToken } from "./bearer-token.js";
import { invalid, validMetadata } from "./client-metadata.js";
import type { ClientHashes, KnownClient } from "./clients.js";
import { OAuthRefusal, json, notFound } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { clientInformation, saveClient } from "./registration-endpoint.js";
import { isEqualInConstantTime } from "./secrets.js";

/**
 * Reading, replacing and deleting a registration, RFC 7592 §2. Secrets are known as hashes alone, so that an answer holds one only
 * when it is new.
 */
export async function answerClientConfiguration(
  context: AuthServerContext,
  received: ReceivedRequest,
): Promise<Response> {
  const { settings, clients, grants } = context;
  const { request, url } = received;
  if (!settings.registrationManagement) return notFound();
  const clientId = (url.origin + url.pathname).slice(settings.endpoints.registration.length + 1);
  const registered = await clients.findRegistered(clientId);
  // RFC 7592 §2.1: a client that is not there is answered like a wrong token
  if (registered === undefined) throw wrongBearerToken(request);
  const { client, hashes } = registered;
  await requireBearerToken(request, hashes.registrationToken);
  const token = bearerTokenOf(request);

  switch (request.method) {
    case "GET":
      return json(200, clientInformation(context, client, token));
    case "PUT": {
      const metadata = await validReplacement(context, client, hashes, received.json);
      const { client_id_issued_at: issuedAt } = client;
      const replaced = { ...metadata, client_id: clientId, client_id_issued_at: issuedAt };
      return json(200, await saveClient(context, replaced, token, hashes));
    }
    case "DELETE":
      clients.forget(clientId);
      grants.endAllOf(clientId);
      return new Response(null, { status: 204, headers: { "cache-control": "no-store" } });
    default:
      throw new OAuthRefusal(405, "invalid_request", "only GET, PUT and DELETE are allowed here", {
        allow: "GET, PUT, DELETE",
      });
  }
}

/** RFC 7592 §2.2: the request names the client, and nothing that the server alone decides. */
async function validReplacement(
  { settings }: AuthServerContext,
  client: KnownClient,
  hashes: ClientHashes,
  body: unknown,
): Promise<ReturnType<typeof validMetadata>> {
  const metadata = validMetadata(settings, body);
  const asked = body as Readonly<Record<string, unknown>>;
  if (asked["client_id"] !== client.client_id) throw invalid('"client_id" must be the one of the registration');
  for (const member of [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
  ]) {
    if (member in asked) throw invalid(`"${member}" is not the client's to say`);
  }
  const { client_secret: secret } = asked;
  const isSame =
    secret === undefined ||
    (typeof secret === "string" && isEqualInConstantTime((await hashes.secret) ?? "", await sha256(secret)));
  if (!isSame) throw invalid('"client_secret" must be the one that the client has');
  return metadata;
}
