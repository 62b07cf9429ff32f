import type { OAuthRefusal } from "./oauth-refusal.js";
import { markup, page } from "./page.js";
import type { FakeEndpoint } from "./request-log.js";

/** Where there may be a person. */
export const PAGES: readonly FakeEndpoint[] = ["authorization", "consent", "verification"];

/** A page for a person in a browser, JSON for everybody else. */
export async function refusalFor(
  endpoint: FakeEndpoint,
  { headers }: Request,
  refusal: OAuthRefusal,
): Promise<Response> {
  const isSeen = PAGES.includes(endpoint) && /\btext\/html\b/.test(headers.get("accept") ?? "");
  if (!isSeen) return refusal.toResponse();
  const { status, error, message } = refusal;
  const main = markup`<p>The server refused the request: ${message}.</p><p><code>${error}</code></p>`;
  return page(status, "This does not work", main);
}
