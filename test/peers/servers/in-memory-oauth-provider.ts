import { randomUUID } from "node:crypto";
import type { OAuthRegisteredClientsStore } from "@modelcontextprotocol/sdk/server/auth/clients.js";
import {
  InvalidGrantError,
  InvalidScopeError,
  InvalidTargetError,
  InvalidTokenError,
} from "@modelcontextprotocol/sdk/server/auth/errors.js";
import type { AuthorizationParams, OAuthServerProvider } from "@modelcontextprotocol/sdk/server/auth/provider.js";
import type { AuthInfo } from "@modelcontextprotocol/sdk/server/auth/types.js";
import type {
  OAuthClientInformationFull,
  OAuthTokenRevocationRequest,
  OAuthTokens,
} from "@modelcontextprotocol/sdk/shared/auth.js";
import type { Response } from "express";

/** What one login grants; all tokens that descend from it share it and die with it. */
interface Grant {
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly resource: URL;
  live: boolean;
}

interface AccessToken {
  readonly grant: Grant;
  readonly scopes: readonly string[];
  expiresAt: number;
}

/** The part of an authorization server that the SDK leaves to its user: approves at once, rotates, detects reuse. */
export class InMemoryOAuthProvider implements OAuthServerProvider {
  readonly clientsStore: OAuthRegisteredClientsStore;
  readonly #resource: URL;
  readonly #accessTokenTtlSeconds: number;
  readonly #codes = new Map<string, { readonly grant: Grant; readonly params: AuthorizationParams }>();
  readonly #accessTokens = new Map<string, AccessToken>();
  readonly #refreshTokens = new Map<string, { readonly grant: Grant; used: boolean }>();

  constructor(resource: URL, accessTokenTtlSeconds: number) {
    this.#resource = resource;
    this.#accessTokenTtlSeconds = accessTokenTtlSeconds;
    const clients = new Map<string, OAuthClientInformationFull>();
    this.clientsStore = {
      getClient: (clientId) => clients.get(clientId),
      registerClient(client) {
        const registered = client as OAuthClientInformationFull;
        clients.set(registered.client_id, registered);
        return registered;
      },
    };
  }

  expireAccessTokens(): void {
    for (const token of this.#accessTokens.values()) token.expiresAt = 0;
  }

  async authorize(client: OAuthClientInformationFull, params: AuthorizationParams, response: Response): Promise<void> {
    if (params.resource?.href !== this.#resource.href)
      throw new InvalidTargetError("this server issues tokens for its own resource only");
    const code = randomUUID();
    const grant: Grant = {
      clientId: client.client_id,
      scopes: params.scopes ?? [],
      resource: params.resource,
      live: true,
    };
    this.#codes.set(code, { grant, params });
    const callback = new URL(params.redirectUri);
    callback.searchParams.set("code", code);
    if (params.state !== undefined) callback.searchParams.set("state", params.state);
    response.redirect(callback.href);
  }

  async challengeForAuthorizationCode(client: OAuthClientInformationFull, code: string): Promise<string> {
    return this.#codeOf(client, code).params.codeChallenge;
  }

  async exchangeAuthorizationCode(
    client: OAuthClientInformationFull,
    code: string,
    _codeVerifier?: string,
    redirectUri?: string,
    resource?: URL,
  ): Promise<OAuthTokens> {
    const { grant, params } = this.#codeOf(client, code);
    this.#codes.delete(code);
    if (redirectUri !== params.redirectUri)
      throw new InvalidGrantError("redirect_uri differs from the authorization request");
    this.#requireResource(grant, resource);
    return this.#issue(grant, grant.scopes);
  }

  async exchangeRefreshToken(
    client: OAuthClientInformationFull,
    refreshToken: string,
    scopes?: string[],
    resource?: URL,
  ): Promise<OAuthTokens> {
    const found = this.#refreshTokens.get(refreshToken);
    if (found?.grant.clientId !== client.client_id || !found.grant.live) {
      throw new InvalidGrantError("unknown refresh token");
    }
    if (found.used) {
      found.grant.live = false;
      throw new InvalidGrantError("this refresh token was used before; all tokens of the grant are revoked");
    }
    this.#requireResource(found.grant, resource);
    if (scopes?.some((scope) => !found.grant.scopes.includes(scope)) === true) {
      throw new InvalidScopeError("more than was granted");
    }
    found.used = true;
    return this.#issue(found.grant, scopes ?? found.grant.scopes);
  }

  async verifyAccessToken(token: string): Promise<AuthInfo> {
    const found = this.#accessTokens.get(token);
    if (found?.grant.live !== true) throw new InvalidTokenError("unknown access token");
    return {
      token,
      clientId: found.grant.clientId,
      scopes: [...found.scopes],
      expiresAt: found.expiresAt,
      resource: found.grant.resource,
    };
  }

  async revokeToken(client: OAuthClientInformationFull, request: OAuthTokenRevocationRequest): Promise<void> {
    const refresh = this.#refreshTokens.get(request.token);
    if (refresh?.grant.clientId === client.client_id) refresh.grant.live = false;
    if (this.#accessTokens.get(request.token)?.grant.clientId === client.client_id)
      this.#accessTokens.delete(request.token);
  }

  #codeOf(
    client: OAuthClientInformationFull,
    code: string,
  ): { readonly grant: Grant; readonly params: AuthorizationParams } {
    const found = this.#codes.get(code);
    if (found?.grant.clientId !== client.client_id) throw new InvalidGrantError("unknown authorization code");
    return found;
  }

  #requireResource(grant: Grant, resource: URL | undefined): void {
    if (resource?.href !== grant.resource.href)
      throw new InvalidTargetError("resource differs from the authorization request");
  }

  #issue(grant: Grant, scopes: readonly string[]): OAuthTokens {
    const accessToken = randomUUID();
    const refreshToken = randomUUID();
    const expiresAt = Math.floor(Date.now() / 1000) + this.#accessTokenTtlSeconds;
    this.#accessTokens.set(accessToken, { grant, scopes, expiresAt });
    this.#refreshTokens.set(refreshToken, { grant, used: false });
    return {
      access_token: accessToken,
      token_type: "bearer",
      expires_in: this.#accessTokenTtlSeconds,
      refresh_token: refreshToken,
      scope: scopes.join(" "),
    };
  }
}
