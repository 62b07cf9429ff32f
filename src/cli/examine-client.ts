import { createAuthorizationRequest, isAuthError, registerClient } from "../index.js";
import type { AnyAuthError, ClientRegistration, PreRegisteredClient, ServerMetadata } from "../index.js";
import { failWith, section } from "./doctor-report.js";
import type { AddCheck, Findings } from "./doctor-report.js";
import type { ExamineOptions, LoopbackHost } from "./examine-options.js";
import { preferredSecretMethod } from "./secret-method.js";
import { watchPost } from "./watch-post.js";
import type { WatchedPost } from "./watch-post.js";

/** A client, and where its logins come back to. */
export interface ExaminedClient {
  readonly registration: ClientRegistration;
  readonly redirectUri: string;
  /** Whether it is one that the authorization server knows. */
  readonly isKnown: boolean;
}

const BY_HAND = "It needs the id of a client that was registered by hand.";
const exampleUri = (host: LoopbackHost): Promise<string> => Promise.resolve(`http://${host}:33418/callback`);

/** Registers as a client; where that is not possible, the client is one to look at the next step with. */
export async function examineRegistration(
  server: ServerMetadata,
  options: ExamineOptions,
  findings: Findings,
): Promise<ExaminedClient> {
  const add = section(findings, "Client registration");
  const { registration_endpoint: url, client_id_metadata_document_supported: documents } = server.authorizationServer;
  const { client, redirectUri = exampleUri } = options;
  if (documents === true) {
    add("ok", "takes client metadata documents", {
      requirements: [34],
      client: "It uses its document, if it has one.",
    });
  }
  const host = server.allowances?.redirectHost ?? "127.0.0.1";
  if (client !== undefined) return useGiven(server, await client(server), await redirectUri(host), findings, add);
  if (url !== undefined) return await register(server, options, findings);
  if (documents !== true) findings.needs.add("client_id");
  const mark = documents === true ? "info" : "warning";
  add(mark, "clients cannot register themselves", { requirements: [33], client: BY_HAND });
  return standIn(server, await redirectUri(host));
}

/** A client that is registered by hand is used at its own issuer, and nowhere else. */
function useGiven(
  server: ServerMetadata,
  { issuer, clientId, clientSecret }: PreRegisteredClient,
  redirectUri: string,
  findings: Findings,
  add: AddCheck,
): ExaminedClient {
  if (issuer !== server.issuer) {
    findings.needs.add("client_id");
    add("warning", `the client that was given is of ${issuer}, not of ${server.issuer}`, {
      requirements: [33],
      client: "It sends nothing of it here.",
    });
    return standIn(server, redirectUri);
  }
  add("info", "the client was given", { requirements: [34] });
  const stand = standIn(server, redirectUri);
  const registration = {
    ...stand.registration,
    clientId,
    ...(clientSecret !== undefined && { clientSecret, tokenEndpointAuthMethod: preferredSecretMethod(server) }),
  };
  return { ...stand, registration, isKnown: true };
}

const standIn = ({ issuer }: ServerMetadata, redirectUri: string): ExaminedClient => ({
  registration: {
    issuer,
    clientId: "unknown",
    tokenEndpointAuthMethod: "none",
    redirectUris: [],
    source: "pre_registered",
    createdAt: 0,
  },
  redirectUri,
  isKnown: false,
});

async function register(server: ServerMetadata, options: ExamineOptions, findings: Findings): Promise<ExaminedClient> {
  const add = section(findings, "Client registration");
  const { signal, redirectUri = exampleUri } = options;
  const post = watchPost(options.fetch);
  const host = server.allowances?.redirectHost ?? "127.0.0.1";
  options.onProgress?.("Registering as a client");
  const attempt = async (on: LoopbackHost): Promise<ExaminedClient> => {
    const uri = await redirectUri(on);
    const clientMetadata = { client_name: "mcp-oauth doctor", redirect_uris: [uri] };
    const registration = await registerClient(server, { fetch: post.fetch, signal, clientMetadata });
    return { registration, redirectUri: uri, isKnown: true };
  };
  const other = host === "localhost" ? "127.0.0.1" : "localhost";
  try {
    let client: ExaminedClient;
    try {
      client = await attempt(host);
    } catch (error) {
      if (!isAuthError(error, "registration_rejected") || error.oauthError !== "invalid_redirect_uri") throw error;
      client = await attempt(other);
      findings.suggested.redirectHost = other;
      add("warning", `takes no redirect URI on ${host}, but one on ${other}`, {
        requirements: [57],
        client: `It has to be told: profile redirectHost "${other}".`,
      });
    }
    const how = JSON.stringify(client.registration.tokenEndpointAuthMethod);
    add("ok", `registers clients; they authenticate with ${how}`, { ...post.asked(), requirements: [33] });
    judgeRegistration(client, add);
    return client;
  } catch (error) {
    if (!isAuthError(error)) throw error;
    reportRefusal(error, post, findings, add);
    return standIn(server, await redirectUri(host));
  }
}

function reportRefusal(error: AnyAuthError, post: WatchedPost, findings: Findings, add: AddCheck): void {
  const details = { ...post.asked(), requirements: [33, 50] } as const;
  const { status } = details;
  const isClosed = error.code === "registration_rejected" && (status === 401 || status === 403);
  if (!isClosed) {
    failWith(findings, add, "authorization_server", error, details);
    return;
  }
  findings.needs.add("client_id");
  add("warning", error.message, { ...details, client: BY_HAND });
}

function judgeRegistration({ registration, redirectUri }: ExaminedClient, add: AddCheck): void {
  const { redirectUris, clientSecretExpiresAt } = registration;
  if (redirectUris.length > 0 && !redirectUris.includes(redirectUri)) {
    add("warning", `registered other redirect URIs: ${redirectUris.join(" ")}`, {
      requirements: [57],
      client: "It uses one of those.",
    });
  }
  if (clientSecretExpiresAt !== undefined) {
    add("info", `the client's secret ends on ${new Date(clientSecretExpiresAt).toISOString()}`, {
      client: "It registers anew then.",
    });
  }
}

/** Makes the URL for the user, which shows whether the authorization server can be used safely; resolves to the server as it is to be used. */
export async function examineAuthorizationRequest(
  server: ServerMetadata,
  { registration, redirectUri }: ExaminedClient,
  findings: Findings,
): Promise<ServerMetadata> {
  const add = section(findings, "Authorization request");
  try {
    const { authorizationUrl } = await createAuthorizationRequest(server, registration, {
      redirectUri: registration.redirectUris[0] ?? redirectUri,
    });
    add("ok", 'PKCE with S256, "state" and "resource" are sent', {
      url: authorizationUrl.origin + authorizationUrl.pathname,
      requirements: [30, 68],
    });
    return server;
  } catch (error) {
    if (!isAuthError(error)) throw error;
    const isSilent = server.authorizationServer.code_challenge_methods_supported === undefined;
    if (error.code === "pkce_unsupported" && isSilent && server.allowances?.assumeS256 === undefined) {
      findings.suggested.assumeS256 = true;
      add("warning", '"code_challenge_methods_supported" is not published', {
        requirements: [30],
        client: "It gives up, unless it is told that S256 works there: profile assumeS256.",
      });
      const allowed = { ...server, allowances: { ...server.allowances, assumeS256: true as const } };
      return await examineAuthorizationRequest(allowed, { registration, redirectUri, isKnown: true }, findings);
    }
    failWith(findings, add, "authorization_server", error, {
      requirements: error.code === "pkce_unsupported" ? [30] : [31],
    });
    return server;
  }
}
