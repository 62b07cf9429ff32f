import { createCookieJar } from "./cookie-jar.ts";
import { fillForm } from "./html-form.ts";

export interface ScriptedBrowserOptions {
  /** Who logs in where a page asks. @defaultValue "alice" */
  readonly username?: string;
  /** @defaultValue "approve" */
  readonly decision?: "approve" | "deny";
  /** `deliver` requests the redirect URI like a browser, `capture` stops before it. @defaultValue "deliver" */
  readonly callback?: "deliver" | "capture";
}

/** A user with a browser, without either: follows redirects, keeps cookies, fills in and submits forms. */
export interface ScriptedBrowser {
  /** Opens an authorization URL and goes on until the server redirects to the `redirect_uri` in it; resolves to that URL. */
  open(authorizationUrl: string | URL): Promise<string>;
  /** Opens a page and answers its forms until one has none, or shows `until`; resolves to the text of that. */
  visit(page: string | URL, until?: string): Promise<string>;
}

const MOST_STEPS = 20;

export function createScriptedBrowser(options: ScriptedBrowserOptions = {}): ScriptedBrowser {
  const { username = "alice", decision = "approve", callback = "deliver" } = options;
  const jar = createCookieJar();

  async function request(url: URL, method: string, fields?: URLSearchParams): Promise<Response> {
    const headers = new Headers({ accept: "text/html" });
    const cookie = jar.header(url);
    if (cookie !== undefined) headers.set("cookie", cookie);
    const response = await fetch(url, { method, headers, redirect: "manual", body: fields ?? null });
    jar.store(url, response);
    return response;
  }

  /** Goes on until a redirect is the end, or a page without a form, whichever comes first. */
  async function walk(
    start: string | URL,
    isEnd: (url: URL, page?: string) => boolean,
  ): Promise<{ url: URL; page?: string }> {
    let url = new URL(start);
    let response = await request(url, "GET");
    for (let step = 0; step < MOST_STEPS; step++) {
      const location = response.headers.get("location");
      if (location !== null) {
        await response.body?.cancel();
        url = new URL(location, url);
        if (isEnd(url)) return { url };
        response = await request(url, "GET");
        continue;
      }
      const page = await response.text();
      const form = fillForm(page, url, { username, password: "correct horse", decision });
      if (form === undefined || isEnd(url, page)) return { url, page: `${response.status}: ${page}` };
      url = form.action;
      if (form.method === "GET") url.search = form.fields.size > 0 ? form.fields.toString() : url.search;
      response = await request(url, form.method, form.method === "POST" ? form.fields : undefined);
    }
    throw new Error(`no end after ${MOST_STEPS} steps`);
  }

  return {
    async open(authorizationUrl) {
      const redirectUri = new URL(authorizationUrl).searchParams.get("redirect_uri");
      if (redirectUri === null) throw new Error("the authorization URL has no redirect_uri");
      const { url, page } = await walk(authorizationUrl, (target, text) => {
        return text === undefined && isCallback(target, redirectUri);
      });
      if (page !== undefined) {
        const where = url.origin + url.pathname;
        throw new Error(`${where} answered with neither a redirect nor a form: ${page.slice(0, 500)}`);
      }
      if (callback === "deliver") await (await fetch(url)).text();
      return url.href;
    },
    visit: async (start, until) => {
      const { page } = await walk(start, (_, text) => until !== undefined && text?.includes(until) === true);
      return page ?? "";
    },
  };
}

function isCallback(url: URL, redirectUri: string): boolean {
  const expected = new URL(redirectUri);
  return url.origin === expected.origin && url.pathname === expected.pathname;
}
