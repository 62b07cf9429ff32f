import { getNodeBuiltin } from "../platform.js";

/** How many are kept for the next use: more than a host has records that it uses again and again. */
const MAX_KEPT = 32;
const MAX_OPEN = 96;
/** The rest of the few threads that runtimes have for such work is the host's, should the keychain not answer. */
const MAX_AT_ONCE = 2;

const kept = /* @__PURE__ */ new Map<string, object>();
const waiting: (() => void)[] = [];
let running = 0;
let open = 0;
const collected = /* @__PURE__ */ new FinalizationRegistry<undefined>(() => {
  open -= 1;
});

/**
 * Uses an entry of the keyring, one that is there if possible. On Linux each holds a connection to the session bus, made with the
 * entry and closed when its memory is reclaimed, and the native code comes to a halt with a file descriptor above 1,023; so
 * there are never many at once.
 */
export async function withEntry<E extends object, T>(
  name: string,
  make: () => E,
  use: (entry: E) => Promise<T>,
): Promise<T> {
  if (running === MAX_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    if (open >= MAX_OPEN && !kept.has(name)) await reclaim();
    const entry = keep(name, make);
    return await use(entry).catch((error: unknown) => {
      // its connection may lead to a service that has been restarted since
      if (kept.get(name) === entry) kept.delete(name);
      throw error;
    });
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

/** The entry of that name, as the one that was used last. */
function keep<E extends object>(name: string, make: () => E): E {
  let entry = kept.get(name) as E | undefined;
  if (entry === undefined) {
    entry = make();
    open += 1;
    collected.register(entry, undefined);
  }
  kept.delete(name);
  kept.set(name, entry);
  for (const oldest of kept.keys()) if (kept.size > MAX_KEPT) kept.delete(oldest);
  return entry;
}

interface Inspector {
  readonly Session: new () => {
    connect(): void;
    post(method: string, callback: () => void): void;
    disconnect(): void;
  };
}

/** Asks for the memory of entries that nobody uses. What cannot be asked does so in its own time. */
async function reclaim(): Promise<void> {
  try {
    const session = new (getNodeBuiltin("inspector") as Inspector).Session();
    session.connect();
    await new Promise<void>((resolve) => session.post("HeapProfiler.collectGarbage", resolve));
    session.disconnect();
  } catch {
    // no such thing in this runtime, or it is forbidden
  }
}
