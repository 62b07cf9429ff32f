import type { ClientMetadata } from "../index.js";
import type { KnownClient } from "./clients.js";
import { validMetadata } from "./client-metadata.js";
import type { Settings } from "./fake-auth-server-options.js";
import { fetchJson } from "./fetch-json.js";
import { OAuthRefusal } from "./oauth-refusal.js";

/** The client that a Client ID Metadata Document describes (draft-ietf-oauth-client-id-metadata-document §3 and §4). */
export async function fetchMetadataDocument(clientId: string, settings: Settings): Promise<KnownClient | undefined> {
  if (!settings.clientIdMetadataDocuments || !isDocumentUrl(clientId)) return undefined;
  const document = (await fetchJson(settings.fetch, clientId)) as ClientMetadata | undefined;
  if (document?.["client_id"] !== clientId || "client_secret" in document) return undefined;
  const { client_name: name, token_endpoint_auth_method: method = "none" } = document;
  // a document that everybody reads holds no secret
  if (typeof name !== "string" || method.startsWith("client_secret")) return undefined;
  try {
    const metadata = validMetadata(settings, { ...document, token_endpoint_auth_method: method });
    return { ...metadata, client_id: clientId };
  } catch (refusal) {
    if (refusal instanceof OAuthRefusal) return undefined;
    throw refusal;
  }
}

/** §3: https, with a path, without fragment, user or dot segments. */
function isDocumentUrl(clientId: string): boolean {
  const url = URL.canParse(clientId) ? new URL(clientId) : undefined;
  return (
    url?.protocol === "https:" &&
    url.pathname !== "/" &&
    url.href === clientId &&
    url.hash === "" &&
    url.username === "" &&
    url.password === ""
  );
}
