import { authorizeWithDeviceCode } from "../index.js";
import type { AuthChallenge, AuthEvent, AuthSession, TokenSet } from "../index.js";
import { authorizeWithLoopback } from "../node.js";
import { startTimer } from "../platform.js";
import { askServer } from "./ask-server.js";
import type { CommandContext } from "./command-context.js";
import { EXIT } from "./command-error.js";
import { loginFacts, loginJson } from "./describe-login.js";
import { readGivenClient } from "./given-client.js";
import type { ClientFlags } from "./given-client.js";
import { inviteUser } from "./invite-user.js";
import type { InviteFlags } from "./invite-user.js";
import type { Progress } from "./output.js";
import { findLogin, openPlaceForLogin, usedPlaces, readServerUrl, rememberPlace } from "./places.js";
import type { FoundLogin, PlaceKind } from "./places.js";
import { layOutFacts } from "./text-layout.js";

/** Flags of `login`. */
export interface LoginFlags extends InviteFlags, ClientFlags {
  readonly json?: true;
  readonly scope?: string;
  readonly subject?: string;
  readonly store?: PlaceKind;
  readonly port?: number;
  readonly force?: true;
  /** Log in on another device, by a code. */
  readonly device?: true;
  /** Take over what other programs keep. */
  readonly import?: true;
}

/** What a login starts from. */
interface LoginStep extends CommandContext {
  readonly session: AuthSession;
  readonly challenge: AuthChallenge | undefined;
  readonly progress: Progress;
}

/** When it takes this long to get to the user, another login may be under way. */
const IMPATIENT_MS = 3_000;

export async function login(url: string, flags: LoginFlags, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  const { store, subject } = flags;
  const serverUrl = readServerUrl(url);
  const progress = output.progress(`Asking ${serverUrl.href} whether it wants a login`);
  try {
    const preRegistered = readGivenClient(flags, progress, context);
    const client = { onEvent: tellRegistration(progress), ...(preRegistered && { preRegistered }) };
    const found = await findLogin(usedPlaces({ store, client }), serverUrl, subject);
    const place = found?.place ?? (await openPlaceForLogin({ store, client }));
    const session = place.client.session(serverUrl, { subject });
    const isEnough = flags.force === undefined && covers(found?.tokens, flags.scope);
    const usable = isEnough ? await session.getAccessToken({ signal }) : undefined;
    const answer = await askServer(session, usable !== undefined, signal);
    if (answer.kind === "open") {
      progress.end();
      if (flags.json) output.printJson({ serverUrl: serverUrl.href, loginNeeded: false });
      else output.print(`No login needed: ${serverUrl.href} answers without one.`);
      return EXIT.ok;
    }
    const tokens = await session.getTokens();
    if (answer.kind === "accepted" && isEnough && tokens !== undefined) {
      progress.end();
      report("Already logged in; --force logs in once more", { place, session, tokens }, flags, context);
      return EXIT.ok;
    }
    progress.update(`Looking for the authorization server of ${serverUrl.href}`);
    const challenge = answer.kind === "refused" ? answer.challenge : undefined;
    const { tokens: obtained, asked } = await logIn(flags, { ...context, session, challenge, progress });
    rememberPlace(place);
    progress.end();
    const headline = asked ? "Logged in" : "Logged in by another login that has just ended";
    report(headline, { place, session, tokens: obtained }, flags, context);
    if (place.notice !== undefined) output.say(place.notice);
    return EXIT.ok;
  } finally {
    progress.end();
  }
}

const tellRegistration =
  (progress: Progress) =>
  (event: AuthEvent): void => {
    if (event.type === "registered" && event.source === "dynamic") {
      progress.update(`Registered as a new client at ${event.issuer}`);
    }
  };

const words = (scope = ""): readonly string[] => scope.split(" ").filter(Boolean);

/** Whether tokens have what is asked for; what the server did not say is taken for granted. */
function covers(tokens: TokenSet | undefined, scope: string | undefined): boolean {
  if (tokens === undefined) return false;
  const granted = words(tokens.scope);
  return tokens.scope === undefined || words(scope).every((word) => granted.includes(word));
}

async function logIn(
  flags: LoginFlags,
  step: LoginStep,
): Promise<{ readonly tokens: TokenSet; readonly asked: boolean }> {
  const { session, challenge, progress, signal } = step;
  let asked = false;
  const stopWaiting = startTimer(() => {
    progress.update("Still waiting; another login at this server may be under way");
  }, IMPATIENT_MS);
  const invitation = inviteUser(flags, step);
  const ask = (invite: () => void): void => {
    asked = true;
    stopWaiting();
    progress.end();
    invite();
  };
  const options = { scope: flags.scope, challenge, force: flags.force, signal };
  try {
    const tokens = flags.device
      ? await authorizeWithDeviceCode(session, {
          ...options,
          onUserCode: (prompt) => {
            ask(() => {
              invitation.showCode(prompt);
            });
          },
        })
      : await authorizeWithLoopback(session, {
          ...options,
          openUrl: (url) => {
            ask(() => {
              invitation.show(url);
            });
          },
          readCallbackUrl: (over) => invitation.readCallbackUrl(over),
          port: flags.port,
          timeoutMs: flags.timeout * 1000,
        });
    return { tokens, asked };
  } finally {
    stopWaiting();
  }
}

function report(headline: string, found: FoundLogin, flags: LoginFlags, { output }: CommandContext): void {
  if (flags.json) output.printJson(loginJson(found));
  else output.print(`${output.style("green", "✓")} ${headline}\n${layOutFacts(loginFacts(found), output.columns())}`);
}
