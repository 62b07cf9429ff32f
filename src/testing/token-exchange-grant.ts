import type { AuthServerContext } from "./auth-server-context.js";
import type { KnownClient } from "./clients.js";
import { ID_JAG_TOKEN_TYPE, ID_JAG_TYPE } from "./id-jag.js";
import { isSignedByOneOf, parseJsonWebToken } from "./json-web-token.js";
import { OAuthRefusal } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { parameterOf, requiredParameterOf } from "./received-request.js";

const TOKEN_TYPE = "urn:ietf:params:oauth:token-type:";

/** Token exchange (RFC 8693 §2) as an identity provider does it: the proof of a login becomes an ID-JAG for another server. */
export async function exchangeForIdJag(
  context: AuthServerContext,
  client: KnownClient,
  { form }: ReceivedRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const { settings, secrets, signingKey, now } = context;
  const { audiences, ttlMs = 300_000 } = settings.idJag ?? { audiences: {} };
  const type = requiredParameterOf(form, "subject_token_type");
  const token = requiredParameterOf(form, "subject_token");
  if (parameterOf(form, "requested_token_type") !== ID_JAG_TOKEN_TYPE) {
    throw new OAuthRefusal(400, "invalid_request", `"requested_token_type" must be ${ID_JAG_TOKEN_TYPE}`);
  }
  const audience = requiredParameterOf(form, "audience");
  const clientId = Object.hasOwn(audiences, audience) ? audiences[audience] : undefined;
  if (clientId === undefined) {
    throw new OAuthRefusal(400, "invalid_target", 'the "audience" is no server that this one issues ID-JAGs for');
  }
  const subject = await subjectOf(context, client, type, token);
  if (subject === undefined) {
    // RFC 8693 §2.2.2
    throw new OAuthRefusal(400, "invalid_request", "the subject token is not acceptable");
  }
  const issuedAt = Math.floor(now() / 1000);
  const [scope, resource] = [parameterOf(form, "scope"), parameterOf(form, "resource")];
  const idJag = await signingKey.sign(ID_JAG_TYPE, {
    iss: settings.issuer,
    sub: subject,
    aud: audience,
    client_id: clientId,
    jti: secrets.create("id_jag"),
    iat: issuedAt,
    exp: issuedAt + Math.floor(ttlMs / 1000),
    ...(scope !== undefined && { scope }),
    ...(resource !== undefined && { resource }),
  });
  return {
    issued_token_type: ID_JAG_TOKEN_TYPE,
    access_token: idJag,
    token_type: "N_A",
    expires_in: Math.floor(ttlMs / 1000),
    ...(scope !== undefined && { scope }),
  };
}

/** Whose login the subject token proves: one that was given as good, a refresh token or an ID token of this server. */
async function subjectOf(
  { settings, grants, signingKey, now }: AuthServerContext,
  client: KnownClient,
  type: string,
  token: string,
): Promise<string | undefined> {
  if (![`${TOKEN_TYPE}id_token`, `${TOKEN_TYPE}saml2`, `${TOKEN_TYPE}refresh_token`].includes(type)) return undefined;
  const subjectTokens = settings.idJag?.subjectTokens ?? {};
  if (Object.hasOwn(subjectTokens, token)) return subjectTokens[token];
  if (type === `${TOKEN_TYPE}refresh_token`) {
    const found = await grants.findRefreshToken(token);
    const isGood = found?.grant.clientId === client.client_id && found.usedAt === undefined && grants.isLive(found);
    return isGood ? found.grant.subject : undefined;
  }
  const idToken = type === `${TOKEN_TYPE}id_token` ? parseJsonWebToken(token) : undefined;
  if (idToken === undefined || !(await isSignedByOneOf(await signingKey.publicKeys(), idToken))) return undefined;
  const { iss, sub, aud, exp } = idToken.claims;
  const isGood = iss === settings.issuer && aud === client.client_id && Number(exp) * 1000 > now();
  return isGood && idToken.header["typ"] === "JWT" ? (sub as string) : undefined;
}
