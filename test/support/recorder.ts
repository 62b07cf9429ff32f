import type { FetchLike } from "../../src/index.js";

export interface RecordedCall {
  readonly url: string;
  readonly init: RequestInit | undefined;
  /** The value of the `Authorization` header. */
  readonly authorization: string | null;
}

export interface Recorder {
  readonly fetch: FetchLike;
  readonly calls: RecordedCall[];
}

/** A fetch that answers as it is told, by URL, and notes what it was given. */
export function createRecorder(answer: (url: string, call: number) => Response | Promise<Response>): Recorder {
  const calls: RecordedCall[] = [];
  return {
    calls,
    async fetch(input, init) {
      if (typeof input !== "string" && !(input instanceof URL)) throw new TypeError("fetch was given a Request");
      const url = String(input);
      calls.push({ url, init, authorization: new Headers(init?.headers).get("authorization") });
      return await answer(url, calls.length);
    },
  };
}

export const noContent = (): Response => new Response(null, { status: 204 });

export const redirectTo = (location: string, status = 302): Response =>
  new Response(null, { status, headers: { location } });
