/** What came of a request: `received` for the callback that was waited for, `rejected` for everything else. */
export type CallbackOutcome = "received" | "rejected";

const STYLE = "body{font:1em/1.5 system-ui;max-width:30em;margin:20vh auto}";
const STYLE_HASH = "sha256-lnUmqIbkLcKHhK6gKFTXu5tatHie2tmTz5Tb3oKyVhg=";

const TEXTS = {
  received: ["Response received", "You can close this page and return to the application."],
  rejected: ["Nothing to do here", "The application is not waiting for this. To sign in, start again there."],
} as const;

/** The page of the library: constant, so that nothing a request carries can come back in it. */
function callbackPage(outcome: CallbackOutcome): string {
  const [title, text] = TEXTS[outcome];
  return `<!doctype html><html lang="en"><meta name="color-scheme" content="light dark"><title>${title}</title><style>${STYLE}</style><h1>${title}</h1><p>${text}</p></html>`;
}

/** Both pages and the headers that go with them. */
export interface CallbackPages {
  readonly html: Readonly<Record<CallbackOutcome, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Asks the host for its pages once, before there is any request that they could depend on. */
export function makePages(page: ((outcome: CallbackOutcome) => string) | undefined): CallbackPages {
  const make = (outcome: CallbackOutcome): string => {
    const html: unknown = (page ?? callbackPage)(outcome);
    if (typeof html !== "string") throw new TypeError("page must return a string of HTML");
    return html;
  };
  // Styles of a constant page can leak nothing; scripts and requests to elsewhere are never needed.
  const styles = page ? "'unsafe-inline'; img-src data:" : `'${STYLE_HASH}'`;
  return {
    html: { received: make("received"), rejected: make("rejected") },
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": `default-src 'none'; style-src ${styles}; frame-ancestors 'none'`,
      "Cache-Control": "no-store",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      Connection: "close",
    },
  };
}
