import { requireSameIssuer } from "../protocol/issuer-binding.js";
import { isSameRedirectUri } from "../protocol/redirect-uri.js";
import { preferredMethod, SECRET_METHODS } from "../protocol/client-metadata.js";
import { isClientRefusal, isForgotten } from "../protocol/forgotten-client.js";
import { registerClient } from "../protocol/register-client.js";
import { withLock } from "../store/locks.js";
import { callStore, checkRecord, recordKeys, withoutLoopbackPort } from "../store/records.js";
import type {
  ClientRegistration,
  PendingAuthorization,
  PreRegisteredClient,
  ServerMetadata,
  TokenSet,
} from "../types.js";
import { canonicalServerUrl, checkRedirectUri, parseServerUrl } from "../wire/url-policy.js";
import type { ClientContext } from "./client-context.js";
import type { LateRedirectUri, StartAuthorizationOptions } from "./session-types.js";

/** As long as metadata are taken for what an issuer publishes, a client is taken for one that it knows. */
const KNOWN_FOR_MS = 3_600_000;

/** The client to log in as, and the redirect URI it will use. */
export interface ResolvedRegistration {
  readonly registration: ClientRegistration;
  readonly redirectUri: string;
}

/**
 * Finds the client for this issuer: pre-registered, registered before, identified by its metadata document, or registered now;
 * in this order, which is the spec's with what is already there first.
 */
export async function resolveRegistration(
  context: ClientContext,
  server: ServerMetadata,
  previous: TokenSet | undefined,
  { redirectUri, signal }: Pick<StartAuthorizationOptions, "redirectUri" | "signal">,
): Promise<ResolvedRegistration> {
  const late = isLate(redirectUri) ? redirectUri : undefined;
  const given = checkRedirectUri(late?.base ?? (redirectUri as string | URL));
  const { redirectHost } = server.allowances ?? {};
  const base = late && redirectHost ? Object.assign(new URL(given), { hostname: redirectHost }).href : given;
  const preRegistered = await findPreRegistered(context, server, previous);
  const stored = preRegistered === undefined ? await readRegistration(context, server, base) : undefined;
  const found = preRegistered ?? stored ?? metadataDocument(context, server);
  const isRefused =
    found !== undefined &&
    mayBeReplaced(found, server) &&
    Math.abs(context.now() - lastKnown(found, previous)) > KNOWN_FOR_MS &&
    (await isForgotten({ server, registration: found, options: { ...context.http, signal } }));
  if (isRefused) await forgetRegistration(context, found);
  const known = isRefused ? undefined : found;
  const chosen =
    late === undefined ? base : (await late.listen(known?.redirectUris ?? (base === given ? [] : [base]))).toString();
  if (known && (known.source !== "dynamic" || isRegistered(known, chosen))) {
    return { registration: known, redirectUri: chosen };
  }
  const document = found?.source === "metadata_document" ? undefined : metadataDocument(context, server);
  const registration = document ?? (await register(context, server, chosen, signal));
  return { registration, redirectUri: chosen };
}

/** When the issuer last showed that it knows this client. */
const lastKnown = ({ issuer, clientId, source, createdAt }: ClientRegistration, previous?: TokenSet): number =>
  Math.max(
    source === "dynamic" ? createdAt : 0,
    previous?.issuer === issuer && previous.registration.clientId === clientId ? previous.obtainedAt : 0,
  );

/** Whether another client can take the place of this one. */
const mayBeReplaced = ({ source }: ClientRegistration, { authorizationServer }: ServerMetadata): boolean =>
  source === "dynamic" || (source === "metadata_document" && authorizationServer.registration_endpoint !== undefined);

/** With its very port, which many servers insist on, unless the server registered the URI without one. */
const isRegistered = ({ redirectUris }: ClientRegistration, chosen: string): boolean =>
  redirectUris.some((one) => one === chosen || (one === withoutLoopbackPort(one) && isSameRedirectUri(one, chosen)));

const isLate = (value: StartAuthorizationOptions["redirectUri"]): value is LateRedirectUri =>
  typeof value === "object" && "listen" in value;

export async function findPreRegistered(
  context: ClientContext,
  server: ServerMetadata,
  previous: TokenSet | undefined,
): Promise<ClientRegistration | undefined> {
  const { preRegistered = [] } = context.options;
  const isLookup = typeof preRegistered === "function";
  const clients = isLookup ? [(await preRegistered(server)) ?? []].flat() : preRegistered;
  const client = clients.find(({ issuer }) => issuer === server.issuer);
  if (client !== undefined) return fromPreRegistered(client, server, context.now());
  const here = canonicalServerUrl(parseServerUrl(server.serverUrl));
  const canRegister = server.authorizationServer.registration_endpoint ?? metadataDocument(context, server);
  const meant =
    clients.find(
      ({ issuer, serverUrl }) =>
        isLookup ||
        // who writes this issuer with a slash too many or too few means it, and must not get another client unasked
        withoutSlash(issuer) === withoutSlash(server.issuer) ||
        (serverUrl && canonicalServerUrl(parseServerUrl(serverUrl)) === here),
    ) ??
    (previous?.registration.source === "pre_registered" ? previous : undefined) ??
    (canRegister ? undefined : clients[0]);
  if (meant !== undefined) requireSameIssuer("the pre-registered client", meant.issuer, server.issuer);
  return undefined;
}

const withoutSlash = (issuer: string): string => issuer.replace(/\/$/, "");

function fromPreRegistered(
  { issuer, clientId, clientSecret, tokenEndpointAuthMethod, redirectUris = [] }: PreRegisteredClient,
  server: ServerMetadata,
  createdAt: number,
): ClientRegistration {
  return {
    issuer,
    clientId,
    ...(clientSecret && { clientSecret }),
    tokenEndpointAuthMethod:
      tokenEndpointAuthMethod ?? (clientSecret ? preferredMethod(server, SECRET_METHODS) : "none"),
    redirectUris,
    source: "pre_registered",
    createdAt,
  };
}

export function metadataDocument(
  { options, now }: ClientContext,
  { issuer, authorizationServer }: ServerMetadata,
): ClientRegistration | undefined {
  const { clientMetadataUrl, clientMetadata } = options;
  if (!clientMetadataUrl || authorizationServer.client_id_metadata_document_supported !== true) return undefined;
  return {
    issuer,
    clientId: clientMetadataUrl,
    // as the document says; a secret has no place in it
    tokenEndpointAuthMethod: clientMetadata.token_endpoint_auth_method?.startsWith("private")
      ? "private_key_jwt"
      : "none",
    redirectUris: clientMetadata.redirect_uris ?? [],
    source: "metadata_document",
    createdAt: now(),
  };
}

/** What was registered before, unless it belongs to another issuer or its secret has run out. */
export async function readRegistration(
  { tokenStore, now, onIgnored }: ClientContext,
  { issuer }: ServerMetadata,
  redirectUri: string,
): Promise<ClientRegistration | undefined> {
  const key = { issuer, redirectUri };
  const name = recordKeys.client(key);
  const found = await callStore("read", name, () => tokenStore.getClientRegistration(key));
  const stored = found ? checkRecord("client", name, found, onIgnored) : undefined;
  return stored?.issuer === issuer && (stored.clientSecretExpiresAt ?? Infinity) > now() ? stored : undefined;
}

/** Registers; callers who want the same client at the same time get one registration. */
function register(
  context: ClientContext,
  server: ServerMetadata,
  redirectUri: string,
  signal: AbortSignal | undefined,
): Promise<ClientRegistration> {
  const key = { issuer: server.issuer, redirectUri };
  const name = recordKeys.client(key);
  return withLock(
    context.store,
    `register:${name}`,
    async () => {
      const stored = await readRegistration(context, server, redirectUri);
      if (stored !== undefined && isRegistered(stored, redirectUri)) return stored;
      const { clientMetadata } = context.options;
      const others = (clientMetadata.redirect_uris ?? []).filter(
        (declared) => withoutLoopbackPort(declared) !== withoutLoopbackPort(redirectUri),
      );
      const asked = { ...clientMetadata, redirect_uris: [redirectUri, ...others] };
      const registration = await registerClient(server, { ...context.http, signal, clientMetadata: asked });
      await callStore("write", name, () => context.tokenStore.setClientRegistration(key, registration));
      context.emit({ type: "registered", issuer: server.issuer, source: registration.source });
      return registration;
    },
    { signal },
  );
}

/**
 * Sees to it that the next login is made as another client, when this one was refused. A document cannot be forgotten: the client that
 * is registered in its place goes before it.
 *
 * @returns whether the next login may fare better
 */
export async function replaceRefused(
  context: ClientContext,
  { server, registration, redirectUri }: PendingAuthorization,
  error: unknown,
): Promise<boolean> {
  if (!mayBeReplaced(registration, server) || !isClientRefusal(error)) return false;
  await forgetRegistration(context, registration);
  if (registration.source === "metadata_document") await register(context, server, redirectUri, undefined);
  return true;
}

/** Drops a registration that its issuer no longer accepts, unless a newer one has taken its place. */
export async function forgetRegistration(
  { tokenStore }: ClientContext,
  { issuer, clientId, source, redirectUris }: ClientRegistration,
): Promise<void> {
  if (source !== "dynamic") return;
  for (const redirectUri of redirectUris) {
    const key = { issuer, redirectUri };
    const name = recordKeys.client(key);
    const stored = await callStore("read", name, () => tokenStore.getClientRegistration(key));
    if (stored?.clientId === clientId) {
      await callStore("delete", name, () => tokenStore.deleteClientRegistration(key));
    }
  }
}
