import { knownServers, startCallbackServer } from "../index.js";
import type { Callback, CallbackServer } from "../index.js";
import type { CommandContext } from "./command-context.js";
import { EXIT } from "./command-error.js";
import type { Findings } from "./doctor-report.js";
import { readGivenClient } from "./given-client.js";
import type { ClientFlags } from "./given-client.js";
import { examineLogin } from "./examine-login.js";
import type { LoopbackHost, ReadyForLogin } from "./examine-options.js";
import { examineServer } from "./examine-server.js";
import { inviteUser } from "./invite-user.js";
import type { InviteFlags } from "./invite-user.js";
import { readServerUrl } from "./places.js";
import { renderReport } from "./render-report.js";

/** Flags of `doctor`. */
export interface DoctorFlags extends InviteFlags, ClientFlags {
  readonly json?: true;
  readonly login?: true;
  readonly scope?: string;
  readonly port?: number;
}

export async function doctor(url: string, flags: DoctorFlags, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  const serverUrl = readServerUrl(url);
  const progress = output.progress(`Examining ${serverUrl.href}`);
  const onProgress = (message: string): void => {
    progress.update(message);
  };
  let callbackServer: CallbackServer | undefined;
  async function listen(hostname: LoopbackHost): Promise<string> {
    await callbackServer?.close();
    callbackServer = await startCallbackServer({ port: flags.port, hostname, signal });
    return callbackServer.redirectUri;
  }
  async function logIn(findings: Findings, ready: ReadyForLogin): Promise<void> {
    await examineLogin(findings, ready, {
      signal,
      scope: flags.scope,
      onProgress,
      interact: (authorizationUrl, state) => {
        progress.end();
        return invite(authorizationUrl, state, callbackServer, flags, context);
      },
    });
  }
  try {
    const report = await examineServer(serverUrl, {
      signal,
      profiles: knownServers,
      client: readGivenClient(flags, progress, context),
      ...(flags.login && { redirectUri: listen, logIn }),
      onProgress,
    });
    progress.end();
    if (flags.json) output.printJson(report);
    else renderReport(report, output);
    return report.verdict === "broken" ? EXIT.failed : EXIT.ok;
  } finally {
    progress.end();
    await callbackServer?.close();
  }
}

async function invite(
  authorizationUrl: URL,
  state: string,
  callbackServer: CallbackServer | undefined,
  flags: DoctorFlags,
  context: CommandContext,
): Promise<Callback> {
  const over = new AbortController();
  const invitation = inviteUser(flags, context);
  const { signal } = context;
  invitation.show(authorizationUrl);
  try {
    const waiting = callbackServer?.waitForCallback({ state, timeoutMs: flags.timeout * 1000, signal });
    const pasted = invitation.readCallbackUrl(over.signal);
    return await (waiting === undefined ? pasted : Promise.race([waiting, pasted]));
  } finally {
    over.abort();
  }
}
