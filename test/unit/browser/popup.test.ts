import { beforeEach, describe, expect, it, vi, type Mock } from "vitest";
import { authorizeWithPopup, completePopup } from "../../../src/browser.js";
import { createFakeAuthServer, type FakeAuthServer } from "../../../src/testing.js";
import { createHost, failureOf, until } from "../../support/host.ts";

const redirectUri = "https://app.example.com/callback";

/** Stands in for the window that a page opens. */
class FakeWindow {
  opener: unknown = "the page";
  closed = false;
  readonly urls: string[] = [];
  readonly location = { replace: (url: string) => void this.urls.push(url) };
  close(): void {
    this.closed = true;
  }
}

/** Makes this process a page at `href`. */
function visit(
  href: string,
  open: () => unknown = () => null,
): { readonly shown: string[]; readonly close: Mock<() => void> } {
  const shown: string[] = [];
  const close = vi.fn<() => void>();
  vi.stubGlobal("location", new URL(href));
  vi.stubGlobal("open", open);
  vi.stubGlobal("close", close);
  vi.stubGlobal("history", { replaceState: (_state: null, _title: string, url: string) => void shown.push(url) });
  return { shown, close };
}

describe("in a page", () => {
  let server: FakeAuthServer;
  let popup: FakeWindow;
  beforeEach(() => {
    server = createFakeAuthServer();
    popup = new FakeWindow();
    visit("https://app.example.com/", () => popup);
  });

  it("opens the window before anything is sent, and hands the callback of its page to the session", async () => {
    const { session } = createHost(server);
    const login = authorizeWithPopup(session, { redirectUri });
    expect([popup.opener, server.requests.length]).toEqual([null, 0]);
    await until(() => popup.urls.length > 0);
    const callback = await server.approve(popup.urls[0] ?? "");
    const callbackPage = visit(callback.href);
    completePopup();
    expect(callbackPage.shown).toEqual(["/callback"]);
    expect((await login).resource).toBe(server.serverUrl);
    await until(() => callbackPage.close.mock.calls.length > 0);
    expect(callbackPage.close).toHaveBeenCalledOnce();
    expect(popup.closed).toBe(true);
  });

  it("leaves a callback page without a state in its address alone", () => {
    const { shown, close } = visit("https://app.example.com/callback");
    completePopup();
    expect(shown).toEqual([]);
    expect(close).not.toHaveBeenCalled();
  });

  it("gives up after the time that it was given", async () => {
    const { session } = createHost(server);
    const failure = await failureOf(authorizeWithPopup(session, { redirectUri, timeoutMs: 1 }));
    expect(failure).toMatchObject({ code: "callback_timeout" });
    expect(popup.closed).toBe(true);
  });

  it("closes the empty window when the login cannot begin", async () => {
    const { session } = createHost(server, { preRegistered: [] });
    server.faults.add({ endpoint: "registration", fault: "503_retry_after" });
    expect(await failureOf(authorizeWithPopup(session, { redirectUri }))).toMatchObject({ code: "server_error" });
    expect([popup.closed, popup.urls]).toEqual([true, []]);
  });

  it("fails when the browser opens no window", async () => {
    visit("https://app.example.com/");
    const { session } = createHost(server);
    expect(await failureOf(authorizeWithPopup(session, { redirectUri }))).toMatchObject({ code: "popup_blocked" });
    expect(server.requests).toEqual([]);
  });

  it("refuses a redirect URI that its page could not be reached from", async () => {
    const { session } = createHost(server);
    const failure = await failureOf(authorizeWithPopup(session, { redirectUri: "https://other.example.com/callback" }));
    expect(failure).toEqual(
      new TypeError('"redirectUri" must be of the origin of this page, where completePopup can reach it'),
    );
  });

  it.each([0, -1, Number.NaN, Infinity, 2 ** 31])("refuses to wait %d ms, which no timer can", async (timeoutMs) => {
    const { session } = createHost(server);
    const failure = await failureOf(authorizeWithPopup(session, { redirectUri, timeoutMs }));
    expect(failure).toEqual(new TypeError("timeoutMs must be from 1 to 2147483647"));
  });
});

it("says where it works when there is no page", async () => {
  const { session } = createHost(createFakeAuthServer());
  expect(await failureOf(authorizeWithPopup(session, { redirectUri }))).toMatchObject({ code: "unsupported_runtime" });
  expect(() => completePopup()).toThrow(/^completePopup needs a page in a browser/);
});
