import { DiscoveryError, TransportError } from "../errors.js";
import type { DiscoveryAttempt, DiscoveryErrorCode } from "../errors.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import { currentTime } from "../platform.js";
import type { HttpOptions, UrlPurpose } from "../types.js";
import { guardedRequest, parseJsonObject, retryAtOf } from "../wire/http.js";
import { describePurpose, withoutQuery } from "../wire/url-policy.js";

/** A walk through well-known URLs. */
export interface MetadataLookup {
  readonly serverUrl: URL;
  readonly http: HttpOptions;
  /** Shared with the errors, which so know of later attempts too. */
  readonly attempts: DiscoveryAttempt[];
  /** The first thing that went wrong; absent while every URL says that there is no such document. */
  failure?: DiscoveryError | TransportError;
  /** Whether something went wrong that may be over soon. */
  isTransient?: boolean;
}

/** A document that can be used, or why it must not be, as a sentence about the member. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code?: DiscoveryErrorCode; readonly problem: string };

/** Asks one URL after the other until one has a document that can be used. What went wrong is left in `lookup`. */
export async function findMetadata<T>(
  lookup: MetadataLookup,
  purpose: UrlPurpose,
  urls: readonly string[],
  read: (document: object) => Reading<T>,
): Promise<{ readonly value: T; readonly url: string } | undefined> {
  const { http, attempts } = lookup;
  for (const url of urls) {
    const shown = withoutQuery(new URL(url));
    const subject = `the ${describePurpose(purpose)} at ${shown}`;
    let status: number | undefined;
    let code: DiscoveryErrorCode | undefined;
    let reason: string;
    let cause: TransportError | undefined;
    try {
      const response = await guardedRequest(url, { headers: { accept: "application/json" } }, { ...lookup, purpose });
      status = response.status;
      reason = `answered ${status}`;
      const document = status === 200 ? parseJsonObject(response.body) : undefined;
      if (document) {
        const reading = read(document);
        if (reading.ok) return { value: reading.value, url };
        code = reading.code ?? "metadata_invalid";
        reason = `is not usable: ${reading.problem}`;
      } else if (status === 401 || status === 403) {
        code = "discovery_failed";
        reason += ", but must be readable without a token";
      } else if (status === 408 || status === 429 || status >= 500) {
        cause = new TransportError("server_error", `${subject} ${reason}`, {
          url: shown,
          status,
          retryAt: retryAtOf(response.headers, currentTime()),
        });
      } else if (status === 200) {
        reason += " without a JSON object";
      }
    } catch (error) {
      if (http.signal?.aborted === true || !(error instanceof TransportError)) throw error;
      cause = error;
      reason = error.message;
    }
    attempts.push(withoutUndefined<DiscoveryAttempt>({ url: shown, status, reason }));
    if (cause?.code === "insecure_url") {
      lookup.failure ??= cause;
    } else if (cause || code) {
      const isTransient = cause !== undefined && !/redirect|large/.test(cause.code);
      const party = purpose === "protected_resource_metadata" ? "MCP" : "authorization";
      const advice = isTransient ? "try again later" : `the operator of the ${party} server has to correct this`;
      lookup.failure ??= new DiscoveryError(
        code ?? "discovery_failed",
        `${cause?.message ?? `${subject} ${reason}`}; ${advice}`,
        { attempts, cause },
      );
      lookup.isTransient ||= isTransient;
    }
  }
  return undefined;
}

export function throwFailure({ failure }: MetadataLookup): void {
  if (failure) throw failure;
}
