import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TransportError } from "../../../src/errors.js";
import type { FetchLike, HttpOptions } from "../../../src/types.js";
import { guardedRequest, parseJsonObject, retryAtOf } from "../../../src/wire/http.js";
import type { GuardContext, ReceivedResponse } from "../../../src/wire/http.js";

const serverUrl = new URL("https://mcp.example.com/mcp");
const start = "https://auth.example.com/token?secret=1";

const request = (http: HttpOptions, init: RequestInit = {}): Promise<ReceivedResponse> => {
  const context: GuardContext = { purpose: "token_endpoint", serverUrl, http };
  return guardedRequest(start, init, context);
};

async function failureOf(promise: Promise<unknown>): Promise<TransportError> {
  const error: unknown = await promise.then(
    () => "resolved",
    (reason: unknown) => reason,
  );
  if (!(error instanceof TransportError)) throw new Error(`no TransportError: ${String(error)}`);
  expect(error.url).not.toContain("secret");
  expect(error.message).not.toContain("secret");
  return error;
}

/** A response as `fetch` makes it, which the constructor of Response cannot. */
const responseWith = (members: Partial<Response>, body: BodyInit | null = null): Response =>
  Object.defineProperties(
    new Response(body),
    Object.fromEntries(Object.entries(members).map(([name, value]) => [name, { value }])),
  );
const redirectTo = (location: string | undefined, status = 302): Response =>
  new Response("moved", { status, headers: location === undefined ? {} : { location } });

describe("a guarded request", () => {
  it("is sent through the host's fetch, without cookies and as it was given [pain-38]", async () => {
    const seen: [string | URL, RequestInit | undefined][] = [];
    const fetch: FetchLike = async (input, init) => {
      seen.push([input, init]);
      return new Response("héllo", { status: 418, headers: { "x-a": "1" } });
    };
    const init = { method: "POST", body: "a=1", headers: { accept: "application/json" } };
    const response = await request({ fetch }, init);
    expect(response).toMatchObject({ url: start, status: 418, body: "héllo" });
    expect(response.headers.get("x-a")).toBe("1");
    expect(seen).toHaveLength(1);
    expect(seen[0]?.[0]).toBe(start);
    expect(seen[0]?.[1]).toMatchObject({ ...init, credentials: "omit", redirect: "manual" });
  });

  it("uses the global fetch of the moment where the host gives none", async () => {
    vi.stubGlobal("fetch", async () => new Response("patched"));
    expect(await request({})).toMatchObject({ body: "patched" });
  });

  it("reads an answer without a body as empty", async () => {
    expect(await request({ fetch: async () => new Response(null, { status: 204 }) })).toMatchObject({ body: "" });
  });

  it("is not sent to a URL that is not allowed [spec-118]", async () => {
    const fetch = vi.fn<FetchLike>();
    const error = await failureOf(request({ fetch, allowUrl: () => false }));
    expect(error.code).toBe("insecure_url");
    expect(fetch).not.toHaveBeenCalled();
  });

  it("that cannot be made is a network error with its cause", async () => {
    const cause = new TypeError("fetch failed");
    const error = await failureOf(request({ fetch: () => Promise.reject(cause) }));
    expect(error).toMatchObject({ code: "network_error", url: "https://auth.example.com/token", cause });
    expect(error.message).toBe(
      "the token endpoint at https://auth.example.com/token could not be reached (network, proxy, certificate or CORS); try again later",
    );
  });

  it("whose answer breaks off is a network error with its cause", async () => {
    const cause = new Error("terminated");
    const body = new ReadableStream({ pull: (controller) => controller.error(cause) });
    const error = await failureOf(request({ fetch: async () => new Response(body) }));
    expect(error).toMatchObject({ code: "network_error", cause });
  });

  it("lets an error of the host's own allowUrl through as it is", async () => {
    const own = new Error("policy unavailable");
    await expect(request({ allowUrl: () => Promise.reject(own) })).rejects.toBe(own);
  });

  it("reads at most 256 KiB, and no more than that", async () => {
    const chunk = new Uint8Array(65_536).fill(0x20);
    let sent = 0;
    const cancelled = vi.fn();
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(chunk);
      },
      cancel: cancelled,
    });
    const error = await failureOf(request({ fetch: async () => new Response(endless) }));
    expect(error.code).toBe("response_too_large");
    expect(error.message).toContain("more than 256 KiB");
    expect(sent).toBeLessThan(8);
    expect(cancelled).toHaveBeenCalledOnce();
    const full = await request({ fetch: async () => new Response(new Uint8Array(262_144).fill(0x20)) });
    expect(full.body).toHaveLength(262_144);
  });

  it("decodes characters that are split over chunks", async () => {
    const bytes = new TextEncoder().encode("€");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    expect(await request({ fetch: async () => new Response(body) })).toMatchObject({ body: "€" });
  });
});

describe("a redirect", () => {
  it("of a GET is followed within the origin, each hop being judged [spec-120]", async () => {
    const requested: string[] = [];
    const judged: string[] = [];
    const fetch: FetchLike = async (input) => {
      requested.push(String(input));
      const status = [301, 307, 308][requested.length - 1];
      return status === undefined ? new Response("there") : redirectTo(`/hop${requested.length}`, status);
    };
    const allowUrl = (url: URL): boolean => judged.push(url.pathname) > 0;
    expect(await request({ fetch, allowUrl })).toMatchObject({ url: "https://auth.example.com/hop3", body: "there" });
    expect(requested.slice(1)).toEqual([1, 2, 3].map((hop) => `https://auth.example.com/hop${hop}`));
    expect(judged).toEqual(["/token", "/hop1", "/hop2", "/hop3"]);
  });

  it("is not followed more than three times", async () => {
    let requests = 0;
    const fetch: FetchLike = async () => redirectTo(`/hop${(requests += 1)}`);
    const error = await failureOf(request({ fetch }));
    expect(error.code).toBe("redirect_refused");
    expect(requests).toBe(4);
  });

  it.each([
    "https://attacker.example/token",
    "http://auth.example.com/token",
    "https://auth.example.com:8443/",
    "//127.0.0.1/",
    "https://[",
  ])("to another origin is refused: %s [spec-120]", async (location) => {
    const fetch = vi.fn<FetchLike>(async () => redirectTo(location));
    const error = await failureOf(request({ fetch }));
    expect(error.code).toBe("redirect_refused");
    expect(error.message).toContain("redirects to another origin");
    expect(fetch).toHaveBeenCalledOnce();
  });

  it("that allowUrl does not want is refused, and its body is let go [spec-120]", async () => {
    const cancelled = vi.fn();
    const answer = new Response(new ReadableStream({ cancel: cancelled }), {
      status: 302,
      headers: { location: "/internal" },
    });
    const error = await failureOf(
      request({ fetch: async () => answer, allowUrl: (url) => url.pathname !== "/internal" }),
    );
    expect(error).toMatchObject({ code: "insecure_url", url: "https://auth.example.com/internal" });
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it("without a location is refused", async () => {
    expect((await failureOf(request({ fetch: async () => redirectTo(undefined) }))).code).toBe("redirect_refused");
  });

  it("of a POST is refused, even one within the origin", async () => {
    const fetch = vi.fn<FetchLike>(async () => redirectTo("/elsewhere", 307));
    const error = await failureOf(request({ fetch }, { method: "POST", body: "code=secret" }));
    expect(error.code).toBe("redirect_refused");
    expect(fetch).toHaveBeenCalledOnce();
  });

  it("that a browser hides is followed by the browser, and must have ended in the origin", async () => {
    const modes: (string | undefined)[] = [];
    const browser =
      (url: string): FetchLike =>
      async (_, init) => {
        modes.push(init?.redirect);
        return init?.redirect === "manual"
          ? responseWith({ type: "opaqueredirect", status: 0 })
          : responseWith({ redirected: true, url }, "there");
      };
    expect(await request({ fetch: browser("https://auth.example.com/hop") })).toMatchObject({
      url: "https://auth.example.com/hop",
      body: "there",
    });
    expect(modes).toEqual(["manual", "follow"]);
    expect((await failureOf(request({ fetch: browser("https://attacker.example/") }))).code).toBe("redirect_refused");
  });

  it("of a POST that a browser hides is refused without another request", async () => {
    const fetch = vi.fn<FetchLike>(async () => responseWith({ type: "opaqueredirect", status: 0 }));
    expect((await failureOf(request({ fetch }, { method: "POST" }))).code).toBe("redirect_refused");
    expect(fetch).toHaveBeenCalledOnce();
  });

  it("that the host's fetch followed on its own is judged all the same", async () => {
    const follows = (url: string): FetchLike => {
      return async () => responseWith({ redirected: true, url }, "there");
    };
    expect((await failureOf(request({ fetch: follows("https://attacker.example/") }))).code).toBe("redirect_refused");
    const posted = request({ fetch: follows("https://auth.example.com/hop") }, { method: "POST" });
    expect((await failureOf(posted)).code).toBe("redirect_refused");
  });
});

describe("time", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
  const never = (): Promise<never> => new Promise(() => undefined);

  it("ends a request after 10 seconds, even when the fetch ignores its signal [pain-39]", async () => {
    const failed = failureOf(request({ fetch: never }));
    await vi.advanceTimersByTimeAsync(9_999);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    const error = await failed;
    expect(error.code).toBe("request_timeout");
    expect(error.message).toBe(
      "the token endpoint at https://auth.example.com/token did not answer completely within 10000 ms; try again later",
    );
  });

  it("ends a request whose body never ends, and lets the body go [pain-39]", async () => {
    const cancelled = vi.fn();
    const failed = failureOf(
      request({ timeoutMs: 50, fetch: async () => new Response(new ReadableStream({ cancel: cancelled })) }),
    );
    await vi.advanceTimersByTimeAsync(50);
    expect((await failed).code).toBe("request_timeout");
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it("ends a request whose allowUrl does not answer", async () => {
    const failed = failureOf(request({ timeoutMs: 50, allowUrl: never }));
    await vi.advanceTimersByTimeAsync(50);
    expect((await failed).code).toBe("request_timeout");
  });

  it("lets go of an answer that comes after the end", async () => {
    const cancelled = vi.fn();
    let answer: ((response: Response) => void) | undefined;
    const failed = failureOf(request({ timeoutMs: 50, fetch: () => new Promise((resolve) => (answer = resolve)) }));
    await vi.advanceTimersByTimeAsync(50);
    await failed;
    answer?.(new Response(new ReadableStream({ cancel: cancelled })));
    await vi.advanceTimersByTimeAsync(0);
    expect(cancelled).toHaveBeenCalled();
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])("of %d ms is refused", async (timeoutMs) => {
    const fetch = vi.fn<FetchLike>();
    await expect(request({ fetch, timeoutMs })).rejects.toThrow(/^timeoutMs must be/);
    await expect(request({ fetch, timeoutMs })).rejects.toBeInstanceOf(TypeError);
    expect(fetch).not.toHaveBeenCalled();
  });

  it("is not kept waiting by a caller who leaves: the reason comes back unwrapped [pain-39]", async () => {
    const controller = new AbortController();
    const reason = { code: "mine" };
    const pending = request({ fetch: never, signal: controller.signal });
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
    const fetch = vi.fn<FetchLike>();
    await expect(request({ fetch, signal: controller.signal })).rejects.toBe(reason);
    expect(fetch).not.toHaveBeenCalled();
  });

  it("a fetch that obeys the signal brings back the caller's reason as well", async () => {
    const controller = new AbortController();
    const reason = new Error("mine");
    const fetch: FetchLike = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      });
    const pending = request({ fetch, signal: controller.signal });
    await vi.advanceTimersByTimeAsync(1);
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
  });

  it("leaves no listener on the caller's signal", async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    await request({ fetch: async () => new Response("ok"), signal });
    expect(removed.mock.calls.map(([name, listener]) => [name, listener])).toEqual(
      added.mock.calls.map(([name, listener]) => [name, listener]),
    );
  });
});

it.each([
  ['{"a":1,"b":null,"c":{"d":null}}', { a: 1, c: { d: null } }],
  ["[]", undefined],
  ["null", undefined],
  ['"text"', undefined],
  ["<!doctype html>", undefined],
  ["", undefined],
])("reads %j as the object %j [spec-16, fact-04]", (body, expected) => {
  expect(parseJsonObject(body)).toEqual(expected);
});

it.each([
  ["120", 1_120_000],
  ["Thu, 01 Jan 1970 01:00:00 GMT", 3_600_000],
  ["soon", undefined],
  ["99999999999999999999", undefined],
  [undefined, undefined],
])("reads Retry-After %j as %j", (value, expected) => {
  expect(retryAtOf(new Headers(value === undefined ? {} : { "retry-after": value }), 1_000_000)).toBe(expected);
});
