import { requestRegistration } from "../oauth/registration-endpoint.js";
import { withMethod } from "../protocol/client-metadata.js";
import { toRegistration } from "../protocol/registration-answer.js";
import type { ClientContext } from "../session/client-context.js";
import { findPreRegistered, metadataDocument, readRegistration } from "../session/resolve-registration.js";
import { withLock } from "../store/locks.js";
import { callStore, recordKeys } from "../store/records.js";
import type { ClientRegistration, ServerMetadata, TokenSet } from "../types.js";

export const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/** Finds the client for a login without a redirect URI, or registers one, which is kept apart from those that have one. */
export async function resolveDeviceRegistration(
  context: ClientContext,
  server: ServerMetadata,
  previous: TokenSet | undefined,
  signal: AbortSignal | undefined,
): Promise<ClientRegistration> {
  return (
    (await findPreRegistered(context, server, previous)) ??
    (await readRegistration(context, server, DEVICE_GRANT)) ??
    metadataDocument(context, server) ??
    (await register(context, server, signal))
  );
}

async function register(
  context: ClientContext,
  server: ServerMetadata,
  signal: AbortSignal | undefined,
): Promise<ClientRegistration> {
  const key = { issuer: server.issuer, redirectUri: DEVICE_GRANT };
  const name = recordKeys.client(key);
  const run = async (): Promise<ClientRegistration> => {
    const stored = await readRegistration(context, server, DEVICE_GRANT);
    if (stored !== undefined) return stored;
    const { options, http, now, tokenStore, emit } = context;
    const asked = withMethod(
      server,
      {
        application_type: "native",
        ...options.clientMetadata,
        redirect_uris: [],
        grant_types: [DEVICE_GRANT, "refresh_token"],
        response_types: [],
      },
      options,
    );
    const answer = await requestRegistration(server, asked, { ...http, signal }, undefined);
    // kept under the grant, as others are under their redirect URI, so that it is found and forgotten as they are
    const own = { redirect_uris: [DEVICE_GRANT] };
    const registration = toRegistration(server, { ...asked, ...own }, { ...answer, ...own }, now());
    await callStore("write", name, () => tokenStore.setClientRegistration(key, registration));
    emit({ type: "registered", issuer: server.issuer, source: registration.source });
    return registration;
  };
  return await withLock(context.store, `register:${name}`, run, { signal });
}
