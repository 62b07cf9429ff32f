import { isAuthError } from "../index.js";
import type { AuthErrorCode } from "../index.js";
import { CommandError, EXIT } from "./command-error.js";
import { connectionAdvice } from "./unreachable.js";
import { shortPath, stateDirectory } from "./state-directory.js";

/** A failure as it is told: what went wrong, and the next step. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly next?: string | undefined;
  readonly exitCode: number;
}

const DOCTOR = 'See what "mcp-oauth doctor <url>" says.';

/** The next step, where the message does not say it. */
const NEXT_STEPS: Readonly<Partial<Record<AuthErrorCode, string>>> = {
  authorization_denied: "The login was refused; log in again and allow the access.",
  authorization_required: "Log in with: mcp-oauth login <url>",
  callback_timeout: "Log in again; --timeout gives more time.",
  device_authorization_unsupported:
    "Leave out --device: the page can be opened on another machine, and its last URL pasted here.",
  device_code_expired: "Log in again, and enter the code in time.",
  discovery_failed: DOCTOR,
  metadata_invalid: DOCTOR,
  metadata_issuer_mismatch: DOCTOR,
  insecure_url: "Logins need https; http is for servers on this machine.",
  pkce_unsupported: DOCTOR,
  port_unavailable: "Choose another with --port, or leave it out.",
  registration_rejected: "Give the id of a client that is registered there, with --client-id.",
  registration_unsupported: "Give the id of a client that is registered there, with --client-id.",
  request_timeout: "Try again later.",
  resource_mismatch: DOCTOR,
  server_error: "Try again later.",
};

const SYSTEM_REASONS: Readonly<Partial<Record<string, string>>> = {
  EACCES: "it belongs to somebody else",
  EPERM: "it belongs to somebody else",
  EROFS: "it is read-only",
  ENOENT: "a part of its path cannot be made",
  ENOSPC: "the disk is full",
  EDQUOT: "your share of the disk is full",
  ENOTDIR: "a part of its path is a file",
};

export function describeFailure(error: unknown): Failure {
  if (error instanceof CommandError) return error;
  const system = systemReason(error);
  if (system !== undefined) {
    return {
      code: "store_failed",
      message: `logins cannot be kept in ${shortPath(stateDirectory())}, since ${system}`,
      next: "Mend that, or set XDG_STATE_HOME to another folder.",
      exitCode: EXIT.failed,
    };
  }
  if (!isAuthError(error)) {
    return {
      code: "unexpected",
      message: error instanceof Error ? error.message : String(error),
      exitCode: EXIT.failed,
    };
  }
  const isClient = isAuthError(error, "token_request_rejected") && error.oauthError === "invalid_client";
  const isKeychain = error.message.endsWith(STORE_ADVICE);
  return {
    code: error.code,
    message: isKeychain ? error.message.slice(0, -STORE_ADVICE.length) : error.message,
    next: isKeychain
      ? "Or keep logins in files, with --store file."
      : isClient
        ? "If it is a client of yours that has a secret, log in with --ask-secret."
        : error.code === "network_error"
          ? connectionAdvice(error.cause)
          : NEXT_STEPS[error.code],
    exitCode: error.code === "authorization_required" ? EXIT.loginNeeded : EXIT.failed,
  };
}

/** How the library's sentence about the keychain ends; a user of the command has `--store`. */
const STORE_ADVICE = ", or use another store";

/** What the file system said, if it was that which refused. */
function systemReason(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, path } = cause as NodeJS.ErrnoException;
    if (path !== undefined && code !== undefined) return SYSTEM_REASONS[code] ?? `the system says ${code}`;
  }
  return undefined;
}
