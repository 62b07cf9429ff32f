import { createTokenStore, discoverAuthServer, isAuthError, knownServers } from "../index.js";
import type { ClientRegistration, ServerMetadata, TokenSet } from "../index.js";
import { currentTime } from "../platform.js";
import type { CommandContext } from "./command-context.js";
import { CommandError, EXIT } from "./command-error.js";
import { loginFacts, loginJson } from "./describe-login.js";
import type { ForeignClient, ForeignLogin } from "./import-sources.js";
import { readForeignLogins } from "./import-sources.js";
import type { LoginFlags } from "./login.js";
import {
  canonicalServerUrl,
  findLogin,
  openPlaceForLogin,
  usedPlaces,
  readServerUrl,
  rememberPlace,
} from "./places.js";
import type { FoundLogin } from "./places.js";
import { preferredSecretMethod } from "./secret-method.js";
import { layOutFacts, printable, wrapText } from "./text-layout.js";

/** A login that was taken over, or why it was not. */
type Taken =
  | { readonly foreign: ForeignLogin; readonly found: FoundLogin }
  | { readonly foreign: ForeignLogin; readonly problem: string };

/** `login --import`: takes over what other programs keep. */
export async function importLogins(
  url: string | undefined,
  flags: LoginFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const serverUrl = url === undefined ? undefined : readServerUrl(url);
  const wanted = serverUrl && canonicalServerUrl(serverUrl);
  const logins = readForeignLogins(serverUrl).filter(
    (login) => wanted === undefined || canonicalOrNothing(login.serverUrl) === wanted,
  );
  if (logins.length === 0) {
    const where = url === undefined ? "" : ` for ${url}`;
    throw new CommandError("nothing_to_import", `mcp-remote, opencode and oh-my-opencode keep no login${where}`, {
      next: `Log in with: mcp-oauth login ${url ?? "<url>"}`,
    });
  }
  const taken: Taken[] = [];
  for (const foreign of logins) taken.push(await take(foreign, flags, context));
  if (flags.json) output.printJson(taken.map(takenJson));
  else for (const one of taken) report(one, context);
  const programs = new Set(taken.flatMap((one) => ("found" in one ? [one.foreign.program] : [])));
  if (programs.size > 0) {
    output.say(
      `${[...programs].join(" and ")} still has them. Where a refresh token works once, whoever renews first ends the login of the other: end it there.`,
    );
  }
  return programs.size > 0 ? EXIT.ok : EXIT.failed;
}

function canonicalOrNothing(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? canonicalServerUrl(new URL(url)) : undefined;
}

async function take(foreign: ForeignLogin, flags: LoginFlags, { output, signal }: CommandContext): Promise<Taken> {
  const { serverUrl: written, client } = foreign;
  if (written === undefined) {
    return { foreign, problem: "its files do not say for which server this is: give the URL" };
  }
  if (client === undefined) return { foreign, problem: "it does not say which client the tokens are for" };
  const progress = output.progress(`Looking for the authorization server of ${written}`);
  try {
    const serverUrl = readServerUrl(written);
    const { subject } = flags;
    const existing = await findLogin(usedPlaces(flags), serverUrl, subject);
    if (existing !== undefined && flags.force === undefined) {
      return { foreign, problem: "there is a login already; --force takes its place" };
    }
    const server = await discoverAuthServer(serverUrl, { profiles: knownServers, signal });
    if (foreign.issuer !== undefined && foreign.issuer !== server.issuer) {
      return { foreign, problem: `its tokens are of ${foreign.issuer}, and the server now has ${server.issuer}` };
    }
    const place = existing?.place ?? (await openPlaceForLogin(flags));
    const store = createTokenStore(place.store);
    const tokens = toTokens(foreign, server, toRegistration(client, server));
    await store.setTokens({ serverUrl: serverUrl.href, subject }, tokens);
    const [redirectUri] = tokens.registration.redirectUris;
    if (redirectUri !== undefined) {
      await store.setClientRegistration({ issuer: server.issuer, redirectUri }, tokens.registration);
    }
    rememberPlace(place);
    return { foreign, found: { place, session: place.client.session(serverUrl, { subject }), tokens } };
  } catch (error) {
    if (isAuthError(error) || error instanceof CommandError) return { foreign, problem: error.message };
    throw error;
  } finally {
    progress.end();
  }
}

function toRegistration(client: ForeignClient, server: ServerMetadata): ClientRegistration {
  const { clientId, clientSecret, clientSecretExpiresAt, redirectUris } = client;
  return {
    issuer: server.issuer,
    clientId,
    ...(clientSecret !== undefined && { clientSecret }),
    ...(clientSecretExpiresAt !== undefined && { clientSecretExpiresAt }),
    tokenEndpointAuthMethod: clientSecret === undefined ? "none" : preferredSecretMethod(server, client.authMethod),
    redirectUris,
    source: "dynamic",
    createdAt: currentTime(),
  };
}

function toTokens(foreign: ForeignLogin, server: ServerMetadata, registration: ClientRegistration): TokenSet {
  const { accessToken, refreshToken, expiresAt, scope } = foreign;
  return {
    accessToken,
    tokenType: "Bearer",
    ...(refreshToken !== undefined && { refreshToken }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(scope !== undefined && { scope }),
    obtainedAt: currentTime(),
    issuer: server.issuer,
    tokenEndpoint: server.authorizationServer.token_endpoint,
    resource: server.resource,
    registration,
  };
}

function report(taken: Taken, { output }: CommandContext): void {
  const { program, serverUrl } = taken.foreign;
  if ("problem" in taken) {
    const what = `${output.style("yellow", "!")} Not taken over from ${program}: ${printable(serverUrl ?? "a login")}`;
    output.print(wrapText(`${what}\n  ${printable(taken.problem)}`, output.columns()));
    return;
  }
  const facts = layOutFacts(loginFacts(taken.found), output.columns());
  output.print(`${output.style("green", "✓")} Taken over from ${program}\n${facts}`);
}

function takenJson(taken: Taken): object {
  const { program, serverUrl } = taken.foreign;
  return "problem" in taken
    ? { program, serverUrl: serverUrl ?? null, taken: false, problem: taken.problem }
    : { program, taken: true, ...loginJson(taken.found) };
}
