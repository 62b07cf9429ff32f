import type { FetchLike, MaybePromise } from "./types.js";

// what a runtime may lack, which the compiler's libraries take for granted
interface Ambient {
  readonly process?: { readonly getBuiltinModule?: (id: string) => unknown; readonly platform?: string };
  readonly navigator?: { readonly userAgent?: string; readonly locks?: LockManager };
  readonly location?: { readonly href: string };
  readonly open?: (url: string, target: string, features: string) => Window | null;
  readonly close?: () => void;
  readonly history?: Pick<History, "replaceState">;
  readonly BroadcastChannel?: typeof BroadcastChannel;
  readonly WeakRef?: typeof WeakRef;
  readonly indexedDB?: IDBFactory;
  readonly sessionStorage?: unknown;
  readonly addEventListener?: (type: string, listener: () => void) => void;
  readonly removeEventListener?: (type: string, listener: () => void) => void;
}

const ambient = (): Ambient => globalThis;

/** Read at call time, so that a fetch patched later (tests, instrumentation) is the one that is used. */
export const ambientFetch: FetchLike = (input, init) => globalThis.fetch(input, init);

export const currentTime = (): number => Date.now();

/** Timers overflow above it and fire at once. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/** Calls back after `ms` unless the returned function is called first. The process may not exit meanwhile. */
export function startTimer(callback: () => void, ms: number): () => void {
  const timer = setTimeout(callback, ms);
  return () => {
    clearTimeout(timer);
  };
}

/** Calls back every `ms` until the returned function is called, but keeps no process alive. */
export function startHeartbeat(callback: () => void, ms: number): () => void {
  const timer = setInterval(callback, ms);
  (timer as { readonly unref?: () => void }).unref?.();
  return () => {
    clearInterval(timer);
  };
}

/** What ends some work early: the caller's signal, or the time. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Stops the timer and lets go of the caller's signal. */
  readonly release: () => void;
}

/** Makes a signal that is aborted when the caller's is, or after `ms` with the reason that `late` makes. */
export function startDeadline(caller: AbortSignal | undefined, ms = Infinity, late?: () => unknown): Deadline {
  caller?.throwIfAborted();
  const controller = new AbortController();
  const forward = (): void => {
    controller.abort(caller?.reason);
  };
  const stopTimer =
    ms < Infinity
      ? startTimer(() => {
          controller.abort(late?.());
        }, ms)
      : undefined;
  caller?.addEventListener("abort", forward);
  return {
    signal: controller.signal,
    release: () => {
      stopTimer?.();
      caller?.removeEventListener("abort", forward);
    },
  };
}

/** The work's outcome, unless the signal is aborted first; the work then goes on without this caller. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (): void => {
      reject(signal?.reason as Error);
    };
    if (signal?.aborted === true) give();
    signal?.addEventListener("abort", give);
    const done = (): void => {
      signal?.removeEventListener("abort", give);
    };
    work.then(resolve, reject).then(done, done);
  });
}

/** The work's outcome, unless `ms` pass first, or the caller gives up: then its signal is aborted, and that is thrown. */
export async function inTime<T>(
  work: (signal: AbortSignal) => MaybePromise<T>,
  ms: number,
  late: () => unknown,
  caller?: AbortSignal,
): Promise<T> {
  const { signal, release } = startDeadline(caller, ms, late);
  try {
    return await orAborted(Promise.resolve(work(signal)), signal);
  } finally {
    release();
  }
}

/** A Node built-in module where the runtime has such a thing (Node, Bun, Deno), without an import that a bundler would see. */
export function getNodeBuiltin(id: string): unknown {
  try {
    return ambient().process?.getBuiltinModule?.(id);
  } catch {
    return undefined;
  }
}

/** `process.platform`, or the empty string where there is no such thing. */
export const operatingSystem = (): string => ambient().process?.platform ?? "";

const userAgent = (): string => ambient().navigator?.userAgent ?? "";

/** Browsers answer `redirect: "manual"` with an opaque response that says nothing; other runtimes show the redirect. */
export const redirectsAreOpaque = (): boolean => userAgent().startsWith("Mozilla/");

/** On workerd a promise that another request made must not be awaited. */
export const sharesPromises = (): boolean => userAgent() !== "Cloudflare-Workers";

/** Web Locks, where the runtime has them. */
export const webLocks = (): LockManager | undefined => ambient().navigator?.locks;

/** Runs `task` while nobody else of the origin runs one under that name. The lock cannot be lost before. */
export async function holdWebLock<T>(
  locks: LockManager,
  name: string,
  task: (lease: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const run = (): Promise<T> => task(new AbortController().signal);
  return await (signal === undefined ? locks.request(name, run) : locks.request(name, { signal }, run));
}

/** Whether pages of one origin share it, each seeing a copy of its own: `localStorage`, but no object of the host's. */
export const isSharedByPages = (storage: object): boolean =>
  Object.prototype.toString.call(storage) === "[object Storage]" && storage !== ambient().sessionStorage;

/** Resolves when another page has changed a storage that this one shares, or after `ms`. */
export const storageChange = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    const { addEventListener, removeEventListener } = ambient();
    const done = (): void => {
      stop();
      removeEventListener?.call(globalThis, "storage", done);
      resolve();
    };
    const stop = startTimer(done, ms);
    addEventListener?.call(globalThis, "storage", done);
  });

/** A number from 0 (included) to 1 (excluded), for spreading load; not for secrets. */
export const randomFraction = (): number => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** SHA-256 in base64. */
export const sha256 = async (text: string): Promise<string> =>
  base64(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));

/** 256 random bits in base64. */
export const randomSecret = (): string => base64(crypto.getRandomValues(new Uint8Array(32)));

const IV_BYTES = 12;
const TAG_BYTES = 16;

const gcm = (iv: Uint8Array<ArrayBuffer>, additionalData: string): AesGcmParams => ({
  name: "AES-GCM",
  iv,
  additionalData: new TextEncoder().encode(additionalData),
});

/** AES-GCM with an IV from random bits, which goes before the ciphertext. `key` is a `CryptoKey`. */
export async function encryptAesGcm(key: object, text: string, additionalData: string): Promise<Uint8Array> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const plaintext = new TextEncoder().encode(text);
  const sealed = await crypto.subtle.encrypt(gcm(iv, additionalData), key as CryptoKey, plaintext);
  const bytes = new Uint8Array(IV_BYTES + sealed.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(sealed), IV_BYTES);
  return bytes;
}

/** The text, or `undefined` when it was not encrypted with this key and additional data, or changed since. */
export async function decryptAesGcm(
  key: object,
  sealed: Uint8Array<ArrayBuffer>,
  additionalData: string,
): Promise<string | undefined> {
  if (sealed.length < IV_BYTES + TAG_BYTES) return undefined;
  const [iv, ciphertext] = [sealed.slice(0, IV_BYTES), sealed.subarray(IV_BYTES)];
  try {
    const text = await crypto.subtle.decrypt(gcm(iv, additionalData), key as CryptoKey, ciphertext);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(text);
  } catch (error) {
    // whatever else fails says nothing about the text
    if ((error as Error).name !== "OperationError") throw error;
    return undefined;
  }
}

/** What relative URLs are relative to: the page's address in a browser. */
export const baseUrl = (): string | undefined => ambient().location?.href;

/** A reference that does not keep its target, or one that does not even lead to it where the runtime has no such thing. */
export const weakly = <T extends object>(target: T): { deref(): T | undefined } =>
  ambient().WeakRef === undefined ? { deref: () => undefined } : new WeakRef(target);

/** Web Crypto. */
export const subtleCrypto = (): SubtleCrypto => crypto.subtle;

/** What a page can do for a login in a window of its own. */
export interface BrowserPage {
  readonly url: string;
  /** An empty window, or `null` when the browser refuses. */
  readonly openWindow: (features: string) => Window | null;
  readonly closeWindow: () => void;
  /** Replaces the address without loading anything. */
  readonly showUrl: (url: string) => void;
  readonly openChannel: (name: string) => BroadcastChannel;
}

/** The page that this code runs in; `undefined` outside of browsers, and in their workers. */
export function browserPage(): BrowserPage | undefined {
  const { location, open, close, history, BroadcastChannel: Channel } = ambient();
  if (!location || !open || !close || !history || !Channel) return undefined;
  return {
    url: location.href,
    openWindow: (features) => open.call(globalThis, "", "_blank", features),
    closeWindow: () => close.call(globalThis),
    showUrl: (url) => history.replaceState(null, "", url),
    openChannel: (name) => new Channel(name),
  };
}

/** Opens a database that has one table with keys of its own, and an index of when its entries expire. */
export function openIndexedDatabase(name: string, table: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = ambient().indexedDB?.open(name, 1);
    if (request === undefined) throw new Error("there is no IndexedDB here");
    request.onupgradeneeded = () => request.result.createObjectStore(table).createIndex("expiresAt", "expiresAt");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the database cannot be opened"));
  });
}
