import type { TokenSet } from "../index.js";
import { authorizeWithLoopback, openBrowser } from "../node.js";
import type { LoginFlags, LoginStep } from "./login.js";
import { describeSpan } from "./text-layout.js";

/** A login with a browser on this machine, or on another one whose last URL is pasted here. */
export async function authorizeInBrowser(flags: LoginFlags, step: LoginStep): Promise<TokenSet> {
  const { output, session, challenge, signal, interrupt, onAsked } = step;
  let state: string | null = null;
  let opened: Promise<void> = Promise.resolve();

  function openUrl(url: URL): void {
    onAsked();
    state = url.searchParams.get("state");
    output.say(`Open this page to log in; there are ${describeSpan(flags.timeout * 1000)} for it:`);
    output.sayUrl(url.href);
    if (!flags.browser) return;
    opened = openBrowser(url).then(
      () => {
        output.say("The browser opens it.");
      },
      () => {
        output.say("No browser could be opened here: open it by hand.");
      },
    );
  }

  return await authorizeWithLoopback(session, {
    openUrl,
    async readCallbackUrl(over) {
      await opened;
      return await output.ask({
        message: "Or paste the URL it ends at:",
        problemWith: (answer) => callbackProblem(answer, state),
        signal: AbortSignal.any([over, signal]),
        onInterrupt: interrupt,
      });
    },
    scope: flags.scope,
    challenge,
    port: flags.port,
    timeoutMs: flags.timeout * 1000,
    force: flags.force,
    signal,
  });
}

/** Says what a person pasted instead of the URL that ends this login. */
function callbackProblem(answer: string, state: string | null): string | undefined {
  let url: URL;
  try {
    url = new URL(answer);
  } catch {
    return "That is no URL: copy the whole address of the page that did not load.";
  }
  const { searchParams } = url;
  if (!searchParams.has("code") && !searchParams.has("error")) {
    return 'That URL has no "code": copy the address of the last page, after you allowed the access.';
  }
  return searchParams.get("state") === state ? undefined : "That URL belongs to another login.";
}
