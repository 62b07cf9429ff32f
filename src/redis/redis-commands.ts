import { orAborted, startDeadline } from "../platform.js";

/**
 * The part of a Redis client that is used: `call` of ioredis, or `sendCommand` of node-redis. Not the client of a cluster,
 * whose `SCAN` sees one of its nodes.
 *
 * @public
 */
export type RedisClientLike =
  | {
      /** Sends a command, as ioredis does it. */
      call(command: string, ...args: string[]): Promise<unknown>;
    }
  | {
      /** Sends a command with its arguments in one list, as node-redis does it. */
      sendCommand(args: readonly string[]): Promise<unknown>;
    };

/** Sends a command, and rejects when it was not done or there is no answer in time. */
export type SendCommand = (command: string, ...args: string[]) => Promise<unknown>;

/** Makes one function of either client. A client that keeps commands until it has a connection is not waited for longer. */
export function commandsOf(client: RedisClientLike, timeoutMs: number): SendCommand {
  const call: SendCommand =
    "call" in client
      ? async (command, ...args) => await client.call(command, ...args)
      : async (...args) => await client.sendCommand(args);
  return async (command, ...args) => {
    const deadline = startDeadline(undefined, timeoutMs, () => new Error(`no answer within ${timeoutMs} ms`));
    try {
      return await orAborted(call(command, ...args), deadline.signal);
    } catch (error) {
      throw withoutArguments(command, error);
    } finally {
      deadline.release();
    }
  };
}

/** The arguments hold secrets. ioredis puts them onto its errors, and Redis quotes those of a command that it does not know. */
function withoutArguments(command: string, error: unknown): Error {
  const { message, code } = error as { readonly message?: unknown; readonly code?: unknown };
  // when every address of a host refuses, the error has no message
  const said = String(message === "" ? code : message).replace(/,? with args .*/s, "");
  return new Error(`Redis did not do ${command}: ${JSON.stringify(said.slice(0, 200))}`);
}
