import type { UserCodePrompt } from "../index.js";
import { openBrowser } from "../node.js";
import { currentTime } from "../platform.js";
import type { CommandContext } from "./command-context.js";
import { describeSpan, printable } from "./text-layout.js";

/** How the user gets to a page and back. */
export interface Invitation {
  /** Prints the URL, and opens it if that is wanted. */
  show(url: URL): void;
  /** Tells the code that the user enters on another device. */
  showCode(prompt: UserCodePrompt): void;
  /** Resolves with the URL that the user pasted; never, when there is none before `over`. */
  readCallbackUrl(over: AbortSignal): Promise<string>;
}

/** Flags of every command that sends the user to a page. */
export interface InviteFlags {
  readonly browser: boolean;
  /** Seconds that the user has. */
  readonly timeout: number;
}

export function inviteUser(flags: InviteFlags, { output, signal, interrupt }: CommandContext): Invitation {
  let state: string | null = null;
  let opened: Promise<string | undefined> = Promise.resolve(undefined);
  return {
    show(url) {
      state = url.searchParams.get("state");
      output.say(`Open this page to log in; there are ${describeSpan(flags.timeout * 1000)} for it:`);
      output.sayUrl(url.href);
      if (!flags.browser) return;
      opened = openBrowser(url).then(
        () => "The browser opens it.",
        () => "No browser could be opened here: open it by hand.",
      );
    },
    showCode({ userCode, verificationUri, verificationUriComplete, expiresAt }) {
      const left = describeSpan(expiresAt - currentTime());
      output.say(`Open this page on any device, and enter ${printable(userCode)} there; the code is good for ${left}:`);
      output.sayUrl(verificationUri.href);
      if (verificationUriComplete !== undefined) {
        output.say("Or open it with the code in it, and compare the two:");
        output.sayUrl(verificationUriComplete.href);
      }
      output.say("Waiting for that.");
    },
    async readCallbackUrl(over) {
      const outcome = await opened;
      if (outcome !== undefined && !over.aborted) output.say(outcome);
      return await output.ask({
        message: "Or paste the URL it ends at:",
        problemWith: (answer) => callbackProblem(answer, state),
        signal: AbortSignal.any([over, signal]),
        onInterrupt: interrupt,
      });
    },
  };
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
