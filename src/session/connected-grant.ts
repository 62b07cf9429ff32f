import type { Grant } from "../grant-types.js";
import type { HttpOptions, TokenSet } from "../types.js";
import type { ClientContext } from "./client-context.js";
import type { RefreshJob } from "./refresh-transaction.js";
import type { Need, TokenCell } from "./token-cell.js";

/** A grant as a session uses it. Sessions know this shape alone, so that grants cost nothing where nobody uses one. */
export interface ConnectedGrant extends Omit<Grant, "renew" | "widen"> {
  readonly renew: (job: RefreshJob, previous: TokenSet | undefined, http: HttpOptions) => Promise<TokenSet>;
  /** `undefined` when that was tried often enough. */
  readonly widen: (
    context: ClientContext,
    cell: TokenCell,
    need: Need,
    signal: AbortSignal | undefined,
  ) => Promise<TokenSet | undefined>;
}
