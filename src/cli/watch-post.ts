import type { FetchLike } from "../index.js";
import { ambientFetch } from "../platform.js";

/** A request that the library makes, as a check tells it. */
export interface WatchedPost {
  readonly fetch: FetchLike;
  /** What was asked and how it was answered; nothing when it was not. */
  asked(): { readonly method?: "POST"; readonly url?: string; readonly status?: number | undefined };
}

/** Watches a step of the library, which tells no status when it succeeds. */
export function watchPost(fetch: FetchLike = ambientFetch): WatchedPost {
  let asked: ReturnType<WatchedPost["asked"]> = {};
  return {
    async fetch(input, init) {
      const url = String(input);
      asked = { method: "POST", url };
      const response = await fetch(input, init);
      asked = { method: "POST", url, status: response.status };
      return response;
    },
    asked: () => asked,
  };
}
