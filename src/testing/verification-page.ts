import type { AuthServerContext } from "./auth-server-context.js";
import { consentForm, DEFAULT_SUBJECT, nameOfClient, readDecision } from "./consent-form.js";
import type { Decision } from "./consent-form.js";
import type { DeviceCode } from "./device-codes.js";
import { scopesOf } from "./fake-auth-server-options.js";
import { notFound, OAuthRefusal } from "./oauth-refusal.js";
import { markup, page } from "./page.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireFormPost } from "./received-request.js";

/** Where a user is sent with a user code (RFC 8628 §3.3). */
export async function answerVerification(context: AuthServerContext, received: ReceivedRequest): Promise<Response> {
  const { settings, deviceCodes } = context;
  if (settings.deviceAuthorization === undefined) return notFound();
  const { request, url, form } = received;
  if (request.method !== "GET") requireFormPost(received);
  const typed = (request.method === "GET" ? url.searchParams : form).get("user_code");
  if (typed === null) return askForCode();
  const code = deviceCodes.findPending(typed);
  if (code === undefined) return askForCode(typed);
  if (request.method === "GET" && settings.consentPage) return askForConsent(context, code);
  const decision = request.method === "GET" ? {} : readDecision(form);
  decideOnDevice(context, code, decision);
  const [title, text] =
    "error" in decision
      ? ["Access denied", "The device gets no access."]
      : ["Access allowed", "You can close this page and go back to your device."];
  return page(200, title, markup`<p>${text}</p>`);
}

export function decideOnDevice({ deviceCodes }: AuthServerContext, code: DeviceCode, decision: Decision): void {
  if ("error" in decision) {
    deviceCodes.decide(code, { denied: true });
    return;
  }
  const scope = decision.scope === undefined ? undefined : scopesOf(decision.scope);
  deviceCodes.decide(code, { scope, subject: decision.subject ?? DEFAULT_SUBJECT });
}

async function askForCode(refused?: string): Promise<Response> {
  const problem =
    refused === undefined ? markup`` : markup`<p role="alert">No device waits for the code ${refused}.</p>`;
  const form = markup`${problem}
<form>
<label>The code that your device shows
<input type="text" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" required></label>
<p><button class="next">Continue</button></p>
</form>`;
  return page(refused === undefined ? 200 : 400, "Connect a device", form);
}

async function askForConsent({ settings, clients }: AuthServerContext, code: DeviceCode): Promise<Response> {
  const client = await clients.find(code.clientId);
  if (client === undefined) throw new OAuthRefusal(400, "invalid_client", "the client is not known here");
  const form = consentForm({
    client,
    resource: code.resource ?? settings.resource,
    scopes: code.scopes,
    action: settings.endpoints.verification,
    note: markup`<p>Allow this only if your device shows</p>
      <p class="code">${code.userCode}</p>`,
    hidden: markup`<input type="hidden" name="user_code" value="${code.userCode}" />`,
  });
  return page(200, `Connect ${nameOfClient(client)}?`, form);
}
