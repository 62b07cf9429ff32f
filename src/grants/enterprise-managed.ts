import type { Grant } from "../grant-types.js";
import { requestIdJag, type SubjectTokenType } from "../oauth/token-exchange.js";

import type { MaybePromise } from "../types.js";
import { parseUrl } from "../wire/url-policy.js";
import { checkIssuer } from "./check-issuer.js";
import { createGrant } from "./create-grant.js";
import { authenticationOf, registrationAt, type GrantClient } from "./grant-client.js";
import { createRefusalMemory } from "./refusals.js";
import { requestByGrant } from "./request-by-grant.js";

export type { SubjectTokenType };

/** Options of {@link enterpriseManaged}. @public */
export interface EnterpriseManagedOptions {
  /** The issuer of the MCP server, exactly as its metadata says; at any other nothing is sent, not even to the identity provider. */
  readonly issuer: string;
  /** The client at that issuer. */
  readonly client: GrantClient;
  /** The identity provider of the enterprise, and the client as which the user signed in there. */
  readonly idp: IdentityProvider;
  /** Hands out what the identity provider gave when the user signed in. Called each time tokens are needed. */
  readonly getSubjectToken: (context: SubjectTokenContext) => MaybePromise<SubjectToken>;
  /** Space-separated scopes to begin with.
   * @defaultValue what the MCP server asks for or lists */
  readonly scope?: string | undefined;
}

/** Where the users of an enterprise sign in. @public */
export interface IdentityProvider extends GrantClient {
  /** Its issuer identifier. */
  readonly issuer: string;
  /** Its token endpoint, from its metadata. */
  readonly tokenEndpoint: string;
}

/** What {@link EnterpriseManagedOptions.getSubjectToken} is told. @public */
export interface SubjectTokenContext {
  /** Aborted when it has taken too long. */
  readonly signal: AbortSignal | undefined;
}

/** What says who the user is. @public */
export interface SubjectToken {
  /** The token as the identity provider issued it. */
  readonly token: string;
  /** Which kind it is. */
  readonly type: SubjectTokenType;
}

/**
 * The grant of a user whose enterprise decides: the identity provider exchanges the user's sign-in for an identity assertion (ID-JAG)
 * for the MCP server's issuer, which answers it with an access token. The user sees no consent page.
 *
 * @remarks
 * Two requests: a token exchange at the identity provider, and the assertion at the token endpoint; both again, with a new
 * assertion, when the token runs out or is refused, or when the MCP server demands more scope. An assertion is used once and never
 * stored. What the identity provider refused is not presented to it again until `getSubjectToken` hands out another token.
 * Each user needs a session with a `subject`.
 *
 * @param options - the client at both places, and where the user's token comes from
 * @returns what {@link AuthClient.session} takes as `grant`. Its sessions fail with {@link TokenError} `token_request_rejected` when
 * the identity provider or the issuer refuses, `token_response_invalid` when the identity provider answers with anything but an
 * ID-JAG, {@link RegistrationError} `client_issuer_mismatch` when the MCP server has another issuer, and whatever
 * `getSubjectToken` throws.
 * @throws `TypeError` when an option is missing or of a wrong kind
 * @example
 * ```ts
 * const grant = enterpriseManaged({
 *   issuer: "https://auth.example.com",
 *   client: { clientId: "chat", clientSecret: "s3cret" },
 *   idp: { issuer: "https://idp.corp.example", tokenEndpoint: "https://idp.corp.example/token", clientId: "chat-sso", clientSecret: "0ther" },
 *   getSubjectToken: () => ({ token: "eyJhbGciOi…", type: "id_token" }),
 * });
 * ```
 * @see {@link https://datatracker.ietf.org/doc/draft-ietf-oauth-identity-assertion-authz-grant/ | Identity Assertion Authorization Grant}
 * @public
 */
export function enterpriseManaged(options: EnterpriseManagedOptions): Grant {
  const { client, idp, getSubjectToken, scope } = options;
  const issuer = checkIssuer(options.issuer, "issuer");
  checkIssuer(idp.issuer, "idp.issuer");
  if (parseUrl(idp.tokenEndpoint) === undefined) throw new TypeError("idp.tokenEndpoint must be an absolute URL");
  if (typeof getSubjectToken !== "function") throw new TypeError("getSubjectToken must be a function");
  const clientAuthentication = authenticationOf(client, "client.");
  const idpAuthentication = authenticationOf(idp, "idp.");
  const unlessRefused = createRefusalMemory();
  return createGrant({
    id: `enterprise_managed ${client.clientId}`,
    issuer,
    scope,
    clientAuthentication,
    async obtain(context) {
      const { server, http, now } = context;
      const { token, type } = await getSubjectToken({ signal: http.signal });
      const provider = {
        ...server,
        allowances: {},
        issuer: idp.issuer,
        authorizationServer: {
          issuer: idp.issuer,
          token_endpoint: idp.tokenEndpoint,
          idp_token_endpoint: idp.tokenEndpoint,
        },
      };
      const registration = registrationAt(provider, idp.clientId, idpAuthentication, now());
      const exchange = {
        server: provider,
        registration,
        options: { ...http, now, clientAuthentication: idpAuthentication },
      };
      const wanted = { audience: issuer, resource: server.resource, scope: context.scope };
      const assertion = await unlessRefused([token, wanted], () => requestIdJag(exchange, { token, type }, wanted));
      return await requestByGrant(
        context,
        { clientId: client.clientId, clientAuthentication },
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        { assertion, resource: server.resource, scope: undefined },
      );
    },
  });
}
