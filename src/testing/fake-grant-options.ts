import type { MaybePromise } from "../index.js";

/** The device code grant at the fake server (RFC 8628). @public */
export interface FakeDeviceAuthorizationOptions {
  /** Milliseconds that device and user codes live.
   * @defaultValue 600000, ten minutes */
  readonly ttlMs?: number | undefined;
  /** Milliseconds that a device must wait between its requests; it is told whole seconds.
   * @defaultValue 5000 */
  readonly intervalMs?: number | undefined;
}

/** Somebody whose assertions the fake server takes (RFC 7523). @public */
export interface FakeTrustedIssuer {
  /** The `iss` of the assertions. */
  readonly issuer: string;
  /** Public keys as JWKs, or where to get them; {@link FakeAuthServer.signingKeys} when the issuer is a fake server too. */
  readonly keys: readonly object[] | (() => MaybePromise<readonly object[]>);
  /** Whether an assertion may come again until it expires, as those that a platform puts into a file do.
   * @defaultValue false: each has a `jti` that comes once */
  readonly reusable?: boolean | undefined;
}

/** An identity provider that issues ID-JAGs (draft-ietf-oauth-identity-assertion-authz-grant). @public */
export interface FakeIdJagOptions {
  /** The authorization servers that it issues them for, by issuer, each with the id that the client has there. */
  readonly audiences: Readonly<Record<string, string>>;
  /** Proofs of a login that are good beside the ID tokens and refresh tokens of this server, SAML assertions for example, by the
   * proof, each with the subject that logged in. */
  readonly subjectTokens?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds that an ID-JAG lives.
   * @defaultValue 300000, five minutes */
  readonly ttlMs?: number | undefined;
}
