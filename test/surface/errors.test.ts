import { describe, expect, expectTypeOf, it } from "vitest";
import type { AnyAuthError, AuthErrorCode } from "../../src/index.js";
import * as library from "../../src/index.js";

const { isAuthError } = library;

/** One of every class, with each of its codes; a code belongs to exactly one class. */
const CODES = {
  DiscoveryError: [
    "discovery_failed",
    "metadata_invalid",
    "metadata_issuer_mismatch",
    "resource_mismatch",
    "pkce_unsupported",
    "dpop_unsupported",
    "device_authorization_unsupported",
  ],
  RegistrationError: [
    "registration_unsupported",
    "registration_rejected",
    "client_issuer_mismatch",
    "client_authentication_unsupported",
  ],
  AuthorizationError: [
    "authorization_required",
    "insufficient_scope",
    "authorization_denied",
    "state_unknown",
    "state_expired",
    "subject_mismatch",
    "callback_invalid",
    "callback_issuer_mismatch",
    "token_not_accepted",
    "token_renewed",
    "device_code_expired",
  ],
  TokenError: ["token_request_rejected", "token_response_invalid", "refresh_rejected"],
  TransportError: [
    "network_error",
    "request_timeout",
    "insecure_url",
    "redirect_refused",
    "response_too_large",
    "server_error",
  ],
  CallbackServerError: [
    "callback_timeout",
    "callback_server_closed",
    "port_unavailable",
    "popup_blocked",
    "unsupported_runtime",
  ],
  StoreError: ["store_failed", "lock_timeout"],
} as const;

type ErrorClass = new (code: string, message: string, details?: object) => AnyAuthError;

const classes = new Map(
  Object.entries<unknown>(library).filter(
    ([, value]) => typeof value === "function" && value.prototype instanceof Error,
  ),
) as ReadonlyMap<string, ErrorClass>;

function make(name: string, code: string, details: object = {}): AnyAuthError {
  const found = classes.get(name);
  if (found === undefined) throw new Error(`there is no class ${name}`);
  return new found(code, "it did not work", { url: "https://x.example/", issuer: "https://i.example", ...details });
}

it("has these codes, each in one class", () => {
  type Listed = (typeof CODES)[keyof typeof CODES][number];
  expectTypeOf<Listed>().toEqualTypeOf<AuthErrorCode>();

  const all = Object.values(CODES).flat();
  expect(new Set(all).size).toBe(all.length);
  expect(all).toHaveLength(38);
});

it("exports these classes, and every one is known by its brand", () => {
  expect([...classes.keys()].sort()).toEqual([...Object.keys(CODES), "AuthError"].sort());
  for (const [name, codes] of Object.entries(CODES)) {
    for (const code of codes) {
      const error = make(name, code);
      expect(isAuthError(error)).toBe(true);
      expect(isAuthError(error, code)).toBe(true);
      expect(isAuthError(error, code === "store_failed" ? "lock_timeout" : "store_failed")).toBe(false);
      expect(error).toBeInstanceOf(library.AuthError);
      expect(error.name).toBe(name);
    }
  }
});

it.each([
  undefined,
  null,
  "store_failed",
  1,
  new Error("x"),
  { code: "store_failed" },
  Object.assign(new Error("x"), { code: "store_failed" }),
])("does not take %o for one of its errors", (value) => {
  expect(isAuthError(value)).toBe(false);
  expect(isAuthError(value, "store_failed")).toBe(false);
});

it("knows the errors of another copy of the package, which instanceof does not", async () => {
  // a query makes a module of its own out of the same file
  const url = new URL("../../src/errors.js?copy", import.meta.url).href.replace(".js?", ".ts?");
  const copy = (await import(/* @vite-ignore */ url)) as typeof library;
  const error = new copy.StoreError("store_failed", "it did not work");

  expect(copy.StoreError).not.toBe(library.StoreError);
  expect(error).not.toBeInstanceOf(library.StoreError);
  expect(isAuthError(error, "store_failed")).toBe(true);
  expect(copy.isAuthError(make("StoreError", "store_failed"), "store_failed")).toBe(true);
});

describe("an error", () => {
  it("says in JSON its name, code and message, and nothing else", () => {
    const error = make("TokenError", "refresh_rejected", {
      oauthErrorDescription: "secret",
      cause: new Error("secret"),
    });

    expect(JSON.parse(JSON.stringify({ error }))).toEqual({
      error: { name: "TokenError", code: "refresh_rejected", message: "it did not work" },
    });
  });

  it("carries its data as members, and none that are undefined", () => {
    const error = make("TransportError", "server_error", { status: 503, retryAt: undefined });

    expect(error).toMatchObject({ url: "https://x.example/", status: 503 });
    expect("retryAt" in error).toBe(false);
    expect(make("DiscoveryError", "discovery_failed")).toMatchObject({ attempts: [] });
  });

  it("has a cause as any error has: present only when there is one, and not enumerable", () => {
    const cause = new Error("x");
    expect(make("StoreError", "store_failed", { cause }).cause).toBe(cause);
    expect(Object.keys(make("StoreError", "store_failed", { cause }))).not.toContain("cause");
    expect("cause" in make("StoreError", "store_failed")).toBe(false);
  });

  it("starts in lower case and reads as `name: message`", () => {
    expect(String(make("StoreError", "lock_timeout"))).toBe("StoreError: it did not work");
  });
});
