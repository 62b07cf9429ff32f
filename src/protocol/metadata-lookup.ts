import { DiscoveryError, TransportError } from "../errors.js";
import type { DiscoveryErrorCode } from "../error-codes.js";
import type { DiscoveryAttempt } from "../errors.js";
import { transientError } from "../oauth/map-error.js";
import { isTransient } from "../oauth/normalize-response.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import { currentTime } from "../platform.js";
import type { HttpOptions, UrlPurpose } from "../types.js";
import { guardedRequest, parseJsonObject } from "../wire/http.js";
import { describePurpose, withoutQuery } from "../wire/url-policy.js";

/** One request of `discoverAuthServer` and what came of it. @public */
export interface DiscoveryStep extends DiscoveryAttempt {
  /** What was asked for: metadata of the resource, or of its authorization server. */
  readonly purpose: UrlPurpose;
  /** `used`: a document that can be used. `absent`: there is none, the next URL is asked. `unusable`: an answer that breaks a rule.
   * `failed`: no answer that says anything, or none that may be asked for. */
  readonly outcome: "used" | "absent" | "unusable" | "failed";
  /** Which rule an unusable document breaks. {@link requirementsOf} says which requirements a step is judged by. */
  readonly code?: DiscoveryErrorCode | undefined;
}

/** A walk through well-known URLs. */
export interface MetadataLookup {
  readonly serverUrl: URL;
  readonly http: HttpOptions & { readonly onStep?: ((step: DiscoveryStep) => void) | undefined };
  /** Shared with the errors, which so know of later attempts too. */
  readonly attempts: DiscoveryAttempt[];
  /** The first thing that went wrong; absent while every URL says that there is no such document. */
  failure?: DiscoveryError | TransportError;
  /** Whether something went wrong that may be over soon. */
  isTransient?: boolean;
}

/** A document that can be used, or why it must not be, as a sentence about the member. */
export type Reading<T> =
  | { readonly value: T; readonly problem?: undefined }
  | { readonly value?: undefined; readonly code?: DiscoveryErrorCode; readonly problem: string };

/** Asks one URL after the other until one has a document that can be used. What went wrong is left in `lookup`. */
export async function findMetadata<T>(
  lookup: MetadataLookup,
  purpose: UrlPurpose,
  urls: readonly string[],
  read: (document: object) => Reading<T>,
): Promise<{ readonly value: T; readonly url: string } | undefined> {
  const { http, attempts } = lookup;
  for (const url of urls) {
    const shown = withoutQuery(url);
    let status: number | undefined;
    let code: DiscoveryErrorCode | undefined;
    let reason: string;
    let cause: TransportError | undefined;
    let value: T | undefined;
    try {
      const response = await guardedRequest(url, { headers: { accept: "application/json" } }, { ...lookup, purpose });
      status = response.status;
      reason = `answered ${status}`;
      const document = status === 200 ? parseJsonObject(response.body) : undefined;
      if (document) {
        const reading = read(document);
        value = reading.value;
        if (reading.problem !== undefined) {
          code = reading.code ?? "metadata_invalid";
          reason = `is not usable: ${reading.problem}`;
        }
      } else if (status === 401 || status === 403) {
        code = "discovery_failed";
        reason += ", but must be readable without a token";
      } else if (isTransient({ status })) {
        cause = transientError({ ...response, receivedAt: currentTime() });
      } else if (status === 200) {
        reason += " without a JSON object";
      }
    } catch (error) {
      if (http.signal?.aborted === true || !(error instanceof TransportError)) throw error;
      cause = error;
      reason = error.message;
    }
    const attempt = withoutUndefined<DiscoveryAttempt>({ url: shown, status, reason });
    http.onStep?.({
      ...attempt,
      purpose,
      outcome: value ? "used" : cause ? "failed" : code ? "unusable" : "absent",
      code,
    });
    if (value) return { value, url };
    attempts.push(attempt);
    if (cause?.code === "insecure_url") {
      lookup.failure ??= cause;
    } else if (cause || code) {
      const party = purpose === "protected_resource_metadata" ? "MCP" : "authorization";
      const problem = `the ${describePurpose(purpose)} at ${shown} ${reason}; the operator of the ${party} server has to correct this`;
      lookup.failure ??= new DiscoveryError(code ?? "discovery_failed", cause?.message ?? problem, { attempts, cause });
      lookup.isTransient ||= cause !== undefined && !/redirect|large/.test(cause.code);
    }
  }
  return undefined;
}

export function throwFailure({ failure }: MetadataLookup): void {
  if (failure) throw failure;
}
