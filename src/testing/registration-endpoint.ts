import { sha256 } from "../platform.js";
import type { AuthServerContext } from "./auth-server-context.js";
import { validMetadata } from "./client-metadata.js";
import type { KnownClient } from "./clients.js";
import type { Settings } from "./fake-auth-server-options.js";
import { OAuthRefusal, json, notFound } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireMethod } from "./received-request.js";

/** Dynamic client registration, RFC 7591 §3. */
export function answerRegistration(
  { settings, clients, secrets, now }: AuthServerContext,
  { request, json: body }: ReceivedRequest,
): Response {
  if (settings.registration === "none") return notFound();
  requireMethod(request, "POST");
  if (settings.registration === "closed") requireInitialAccessToken(settings, request);
  const metadata = validMetadata(settings, body);
  const client: KnownClient = {
    ...metadata,
    client_id: secrets.create("client"),
    client_id_issued_at: Math.floor(now() / 1000),
  };
  if (!client.token_endpoint_auth_method.startsWith("client_secret")) {
    clients.add(client);
    return json(201, client);
  }
  const secret = secrets.create("client_secret");
  clients.add({ ...client, secretHash: sha256(secret) });
  return json(201, { ...client, client_secret: secret, client_secret_expires_at: 0 });
}

function requireInitialAccessToken({ initialAccessToken }: Settings, request: Request): void {
  const [, token] = /^bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  if (token !== undefined && token === initialAccessToken) return;
  throw new OAuthRefusal(401, "invalid_token", "registration needs an initial access token", {
    "www-authenticate": token === undefined ? "Bearer" : 'Bearer error="invalid_token"',
  });
}
