import { currentTime, orAborted, randomFraction, startTimer } from "../platform.js";
import type { SendCommand } from "./redis-commands.js";

const EXTEND = `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("PEXPIRE", KEYS[1], ARGV[2]) end return 0`;
// A client sends a command again when the connection was lost before the answer: it then finds its own name in the lock.
const ACQUIRE = `if redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then return 1 end ${EXTEND}`;
const RELEASE = `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0`;

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;

const ignore = (): void => undefined;

/** A lock under an owner's name of its own. */
interface RedisLock {
  /** Aborted when the lock is, or may be, somebody else's. */
  readonly lease: AbortSignal;
  /** Waits for the lock, and from then on renews it. Rejects with the signal's reason, or when Redis gives no answer. */
  acquire(signal: AbortSignal | undefined): Promise<void>;
  /** Gives the lock back if it still is this one's. Never rejects: without an answer it ends by itself. */
  release(): Promise<void>;
}

/** @param send - has an answer, or rejects, within a third of `ttlMs`, so that a lock can be renewed in time */
export function createRedisLock(send: SendCommand, key: string, ttlMs: number): RedisLock {
  const owner = Array.from({ length: 4 }, () => randomFraction().toString(36).slice(2)).join("");
  const controller = new AbortController();
  let isOver = false;
  let stopExpiry = ignore;
  let stopRenewal = ignore;

  const run = async (script: string): Promise<boolean> =>
    String(await send("EVAL", script, "1", key, owner, String(ttlMs))) === "1";

  function end(): void {
    isOver = true;
    stopExpiry();
    stopRenewal();
  }

  function lose(): void {
    if (isOver) return;
    end();
    controller.abort(new Error("the lock in Redis was lost: it could not be renewed in time"));
  }

  /** Asks for a whole time to live. It is counted from before Redis can have seen the command, so that it ends here first. */
  async function extend(script: string): Promise<boolean> {
    const stopNewExpiry = startTimer(lose, ttlMs);
    let isHeld = false;
    try {
      isHeld = await run(script);
    } finally {
      const [over, current] = isHeld && !isOver ? [stopExpiry, stopNewExpiry] : [stopNewExpiry, stopExpiry];
      over();
      stopExpiry = current;
    }
    return isHeld;
  }

  function renewLater(): void {
    stopRenewal = startTimer(() => {
      renewLater();
      // without an answer the lock is good until it expires, and there is time to ask again
      extend(EXTEND).then((isHeld) => {
        if (!isHeld) lose();
      }, ignore);
    }, ttlMs / 3);
  }

  async function release(): Promise<void> {
    end();
    await run(RELEASE).catch(ignore);
  }

  return {
    lease: controller.signal,
    async acquire(signal) {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
        signal?.throwIfAborted();
        const askedAt = currentTime();
        const attempt = extend(ACQUIRE);
        try {
          // in a process that stood still an answer is read later than it was true, and before a timer can say so
          if ((await orAborted(attempt, signal)) && currentTime() - askedAt < ttlMs) break;
        } catch (error) {
          // what is still under way may get the lock
          void attempt.catch(ignore).then(release);
          throw error;
        }
        await pause(pauseMs * (0.5 + randomFraction() / 2), signal);
      }
      renewLater();
    },
    release,
  };
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let stop = ignore;
  const over = new Promise<void>((resolve) => (stop = startTimer(resolve, ms)));
  await orAborted(over, signal).finally(stop);
}
