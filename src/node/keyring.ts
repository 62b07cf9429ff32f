import type * as KeyringModule from "@napi-rs/keyring";
import { StoreError } from "../index.js";
import { operatingSystem } from "../platform.js";
import { withEntry } from "./keyring-entries.js";

/** An item of the system's keychain. */
export interface KeyringItem {
  readonly account: string;
  readonly text: string;
}

/** The items that the system's keychain keeps for one service. */
export interface Keyring {
  read(account: string): Promise<string | undefined>;
  write(account: string, text: string): Promise<void>;
  /** Whether there was such an item; of several who remove it, one is told so. */
  remove(account: string): Promise<boolean>;
  list(): Promise<readonly KeyringItem[]>;
}

/** Loads the optional package that knows the keychains of all systems. Nothing is asked of the keychain yet. */
export async function openKeyring(service: string): Promise<Keyring> {
  const { AsyncEntry, findCredentialsAsync } = await load();
  type Entry = InstanceType<typeof AsyncEntry>;
  // the kernel's keyring, which would be taken otherwise where there is no Secret Service, does not outlive a restart
  const make = (account: string): Entry => new AsyncEntry(service, account, { linux: { store: "secret-service" } });
  const using = <T>(account: string, use: (entry: Entry) => Promise<T>): Promise<T> =>
    persistently(() => withEntry(JSON.stringify([service, account]), () => make(account), use));
  return {
    read: (account) => using(account, async (entry) => (await entry.getPassword()) ?? undefined),
    write: (account, text) => using(account, (entry) => entry.setPassword(text)),
    remove: (account) => using(account, (entry) => entry.deleteCredential()),
    async list() {
      const items = await persistently(() => findCredentialsAsync(service));
      return items.map(({ account, password }) => ({ account, text: password }));
    },
  };
}

const ATTEMPTS = 5;

/**
 * A Secret Service is asked for an item in two steps, which fail when another process has deleted it in between: the next look
 * finds that out. What fails for want of access is not asked for again, since the user may have said no.
 */
async function persistently<T>(operation: () => Promise<T>, attempts = ATTEMPTS): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (attempts === 1 || !(error as Error).message.startsWith("Platform failure")) throw error;
    return persistently(operation, attempts - 1);
  }
}

// as a variable: a bundler that knew it would try to take native code in, for hosts too that never use it
const load = async (optionalPeer = "@napi-rs/keyring"): Promise<typeof KeyringModule> => {
  try {
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ optionalPeer)) as typeof KeyringModule;
  } catch (cause) {
    const message =
      'the keychain cannot be used, since the package "@napi-rs/keyring" could not be loaded: install it, or use another store';
    throw new StoreError("store_failed", message, { cause });
  }
};

const advice: Readonly<Record<string, string>> = {
  darwin: 'unlock the login keychain ("security unlock-keychain"), which is locked over SSH',
  win32: "log on interactively, since services and some SSH sessions have no Credential Manager",
};

/** Says what to do about a keychain that does not answer as it should. */
export function keychainFailure(cause: unknown): StoreError {
  const what =
    advice[operatingSystem()] ??
    "run and unlock a Secret Service (GNOME Keyring, KWallet, KeePassXC), which SSH sessions and containers seldom have";
  return new StoreError("store_failed", `the keychain cannot be used: ${what}, or use another store`, { cause });
}
