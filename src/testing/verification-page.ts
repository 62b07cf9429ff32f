import type { AuthServerContext } from "./auth-server-context.js";
import { notFound } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireMethod } from "./received-request.js";

/** Where a user is sent with a user code (RFC 8628 §3.3). */
export function answerVerification({ settings }: AuthServerContext, { request }: ReceivedRequest): Response {
  if (settings.deviceAuthorization === undefined) return notFound();
  requireMethod(request, "GET");
  return new Response("Decide with approveDevice() or denyDevice().", { headers: { "content-type": "text/plain" } });
}
