import type { KnownClient } from "./clients.js";
import { OAuthRefusal } from "./oauth-refusal.js";
import type { Html } from "./page.js";
import { markup } from "./page.js";
import { requiredParameterOf } from "./received-request.js";

/** The one user, unless a test tells several. */
export const DEFAULT_SUBJECT = "user";

/** What the user does with a request. */
export type Decision =
  /** Allows it, or of what it asks for the scopes in `scope`. */
  | { readonly scope?: string | undefined; readonly subject?: string | undefined }
  /** Ends it with this error. */
  | { readonly error: string };

/** What the user is asked. */
export interface ConsentRequest {
  readonly client: KnownClient;
  readonly resource: string;
  readonly scopes: readonly string[];
  /** Where the form is sent. */
  readonly action: string;
  /** What comes before the buttons. */
  readonly note: Html;
  /** What the form carries beside the decision. */
  readonly hidden?: Html;
}

export const nameOfClient = ({ client_id: id, client_name: name }: KnownClient): string =>
  name === undefined || name === "" ? id : name;

/** Asks who the user is and what is allowed. */
export function consentForm({ client, resource, scopes, action, note, hidden = markup`` }: ConsentRequest): Html {
  const boxes = scopes.map(
    (scope) =>
      markup`<label><input type="checkbox" name="scope" value="${scope}" checked> <code>${scope}</code></label>\n`,
  );
  return markup`<p><strong>${nameOfClient(client)}</strong> asks for access to <code>${resource}</code>.</p>
<form method="post" action="${action}">
${hidden}
${scopes.length === 0 ? markup`<p>It asks for no scope.</p>` : markup`<fieldset><legend>What it may do</legend>\n${boxes}</fieldset>`}
<label>Your name <input type="text" name="subject" value="${DEFAULT_SUBJECT}" autocomplete="off" required></label>
${note}
<p>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny" formnovalidate>Deny</button>
</p>
</form>`;
}

/** What the user chose in {@link consentForm}. */
export function readDecision(form: URLSearchParams): Decision {
  const decision = requiredParameterOf(form, "decision");
  if (decision === "deny") return { error: "access_denied" };
  if (decision !== "allow") throw new OAuthRefusal(400, "invalid_request", 'the "decision" is neither allow nor deny');
  return { scope: form.getAll("scope").join(" "), subject: form.get("subject") ?? DEFAULT_SUBJECT };
}
