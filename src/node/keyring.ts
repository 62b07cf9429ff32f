import type * as KeyringModule from "@napi-rs/keyring";
import { StoreError } from "../index.js";
import { operatingSystem } from "../platform.js";

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
  // the kernel's keyring, which would be taken otherwise where there is no Secret Service, does not outlive a restart
  const entryOf = (account: string): InstanceType<typeof AsyncEntry> =>
    new AsyncEntry(service, account, { linux: { store: "secret-service" } });
  const read = async (account: string): Promise<string | undefined> =>
    (await entryOf(account).getPassword()) ?? undefined;
  return {
    read,
    async write(account, text) {
      await entryOf(account).setPassword(text);
    },
    async remove(account) {
      try {
        return await entryOf(account).deleteCredential();
      } catch (error) {
        // a Secret Service calls it a failure when another process was quicker
        if ((await read(account)) === undefined) return false;
        throw error;
      }
    },
    async list() {
      const items = await findCredentialsAsync(service);
      return items.map(({ account, password }) => ({ account, text: password }));
    },
  };
}

async function load(): Promise<typeof KeyringModule> {
  try {
    return await import("@napi-rs/keyring");
  } catch (cause) {
    const message =
      'the keychain cannot be used, since the package "@napi-rs/keyring" could not be loaded: install it, or pass a fallback store';
    throw new StoreError("store_failed", message, { cause });
  }
}

const advice: Readonly<Record<string, string>> = {
  darwin: 'unlock the login keychain ("security unlock-keychain"), which is locked over SSH',
  win32: "log on interactively, since services and some SSH sessions have no Credential Manager",
};

/** Says what to do about a keychain that does not answer as it should. */
export function keychainFailure(cause: unknown): StoreError {
  const what =
    advice[operatingSystem()] ??
    "run and unlock a Secret Service (GNOME Keyring, KWallet, KeePassXC), which SSH sessions and containers seldom have";
  return new StoreError("store_failed", `the keychain cannot be used: ${what}, or pass a fallback store`, { cause });
}
