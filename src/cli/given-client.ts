import type { PreRegisteredClient, ServerMetadata } from "../index.js";
import { nodeProcess } from "./builtins.js";
import type { CommandContext } from "./command-context.js";
import { CommandError, EXIT } from "./command-error.js";
import type { Progress } from "./output.js";

/** Flags of every command that can use a client which was registered by hand. */
export interface ClientFlags {
  readonly clientId?: string;
  /** Where it is registered. */
  readonly issuer?: string;
  /** Ask for its secret. */
  readonly askSecret?: true;
}

/** Finds the client that was given for an authorization server. */
export type GivenClient = (server: ServerMetadata) => Promise<PreRegisteredClient>;

/** A command line is seen by others and kept in the shell's history: a secret comes by one of these ways alone. */
const SECRET_VARIABLE = "MCP_OAUTH_CLIENT_SECRET";

/**
 * Reads the client that was given. Its secret is shown to no authorization server but the one that a person named, with `--issuer`, or
 * sees when asked for the secret: the MCP server, which says where to go, may be anybody's.
 */
export function readGivenClient(
  { clientId, issuer, askSecret }: ClientFlags,
  progress: Progress,
  context: CommandContext,
): GivenClient | undefined {
  if (clientId === undefined) {
    if (issuer === undefined && askSecret === undefined) return undefined;
    throw new CommandError("usage", `${askSecret ? "--ask-secret" : "--issuer"} needs --client-id`, {
      exitCode: EXIT.usage,
    });
  }
  let asked: Promise<string | undefined> | undefined;
  return async (server) => {
    const secret = (nodeProcess.env[SECRET_VARIABLE] ?? "") || undefined;
    const isSeen = askSecret === true && context.output.canAsk();
    if (issuer === undefined && (secret !== undefined || askSecret === true) && !isSeen) {
      throw new CommandError("issuer_missing", "the secret of a client is sent only where it belongs", {
        exitCode: EXIT.usage,
        next: `If the client is registered at ${server.issuer}, add --issuer ${server.issuer}`,
      });
    }
    // at another issuer the library refuses it, before anybody is asked
    if (issuer !== undefined && issuer !== server.issuer) return { issuer, clientId };
    if (askSecret) {
      progress.end();
      asked ??= context.output.askSecret({
        message: `Secret of the client ${clientId} at ${server.issuer}:`,
        signal: context.signal,
        onInterrupt: context.interrupt,
      });
    }
    const clientSecret = askSecret ? await asked : secret;
    if (askSecret && !clientSecret) {
      throw new CommandError("secret_missing", "there is no secret on standard input", { exitCode: EXIT.usage });
    }
    return clientSecret === undefined
      ? { issuer: server.issuer, clientId, tokenEndpointAuthMethod: "none" }
      : { issuer: server.issuer, clientId, clientSecret };
  };
}
