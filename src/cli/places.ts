import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthClient, knownServers, listSessions } from "../index.js";
import type { AuthClient, AuthClientOptions, AuthSession, KVStore, TokenSet } from "../index.js";
import { createFileStore, createKeychainStore } from "../node.js";
import { CommandError, EXIT } from "./command-error.js";
import { shortPath, stateDirectory } from "./state-directory.js";

export type PlaceKind = "keychain" | "file";

/** A store, with a client on it. */
export interface Place {
  readonly kind: PlaceKind;
  readonly store: KVStore;
  readonly client: AuthClient;
  /** As it is told to people. */
  readonly description: string;
  /** Why it is not the keychain, to be said when the first login is kept. */
  readonly notice?: string;
}

/** What a command may say about where tokens are. */
export interface PlaceOptions {
  /** `--store`. */
  readonly store?: PlaceKind | undefined;
  readonly client?: Partial<AuthClientOptions> | undefined;
}

const SERVICE = "mcp-oauth";
const CHOICE_FILE = "stores.json";
/** The user may be asked for a password. */
const KEYCHAIN_TIMEOUT_MS = 60_000;

/** The stores that logins went to, in the order they were first used. */
function usedKinds(directory: string): readonly PlaceKind[] {
  try {
    const { stores } = JSON.parse(readFileSync(join(directory, CHOICE_FILE), "utf8")) as { stores?: unknown };
    const known: readonly PlaceKind[] = ["keychain", "file"];
    return Array.isArray(stores) ? stores.filter((kind): kind is PlaceKind => known.includes(kind as PlaceKind)) : [];
  } catch {
    return [];
  }
}

/** Remembers where a login went, so that every later command finds it. */
export function rememberPlace({ kind }: Place): void {
  const directory = stateDirectory();
  const used = usedKinds(directory);
  if (used.includes(kind)) return;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, CHOICE_FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify({ v: 1, stores: [...used, kind] })}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

async function openPlace(kind: PlaceKind, client: Partial<AuthClientOptions> = {}): Promise<Place> {
  const directory = stateDirectory();
  const store =
    kind === "file"
      ? createFileStore({ directory })
      : await createKeychainStore({ service: SERVICE, lockDirectory: directory, timeoutMs: KEYCHAIN_TIMEOUT_MS });
  return {
    kind,
    store,
    client: createAuthClient({
      clientMetadata: { client_name: "mcp-oauth" },
      store,
      profiles: knownServers,
      ...client,
    }),
    description: kind === "file" ? `files in ${shortPath(directory)}` : "the keychain of the system",
  };
}

/** A store that is opened when it is looked at: a keychain may have to ask. */
export type ClosedPlace = () => Promise<Place>;

/** Every store that may hold logins: the one that was asked for, else all that were used, files first. */
export function usedPlaces({ store, client }: PlaceOptions): readonly ClosedPlace[] {
  const kinds = store === undefined ? usedKinds(stateDirectory()) : [store];
  return [...kinds].sort().map((kind) => () => openPlace(kind, client));
}

/** The store for a login: the one that was asked for, the one that is in use, else the keychain where there is one. */
export async function openPlaceForLogin({ store, client }: PlaceOptions): Promise<Place> {
  const [kind = store] = store === undefined ? usedKinds(stateDirectory()) : [store];
  if (kind !== undefined) return openPlace(kind, client);
  try {
    return await openPlace("keychain", client);
  } catch (error) {
    const isMissing = (error as Error).message.includes("could not be loaded");
    const reason = isMissing ? 'the package "@napi-rs/keyring" is not installed' : "no keychain works here";
    return { ...(await openPlace("file", client)), notice: `Logins are kept in files, since ${reason}.` };
  }
}

/** A login in one of the stores. */
export interface FoundLogin {
  readonly place: Place;
  readonly session: AuthSession;
  readonly tokens: TokenSet;
}

/** Finds the login of a server and account; what is in files is found although the keychain is locked. */
export async function findLogin(
  places: readonly ClosedPlace[],
  serverUrl: URL,
  subject: string | undefined,
): Promise<FoundLogin | undefined> {
  const [first, ...others] = places;
  if (first === undefined) return undefined;
  const find = async (): Promise<FoundLogin | undefined> => {
    const place = await first();
    const session = place.client.session(serverUrl, { subject });
    const tokens = await session.getTokens();
    return tokens === undefined ? undefined : { place, session, tokens };
  };
  const attempt = await find().then(
    (found) => ({ found }),
    (problem: unknown) => ({ problem }),
  );
  if ("found" in attempt && attempt.found !== undefined) return attempt.found;
  const found = await findLogin(others, serverUrl, subject);
  if (found === undefined && "problem" in attempt) throw attempt.problem;
  return found;
}

/** What could be listed, and why the rest could not. */
export interface ListedLogins {
  readonly logins: readonly FoundLogin[];
  readonly problem?: unknown;
}

/** All logins, or those at one server, sorted. */
export async function listLogins(places: readonly ClosedPlace[], serverUrl?: URL): Promise<ListedLogins> {
  const logins: FoundLogin[] = [];
  let problem: unknown;
  for (const open of places) {
    try {
      for await (const found of loginsIn(await open(), serverUrl)) logins.push(found);
    } catch (error) {
      problem ??= error;
    }
  }
  // by code units: what compares as a language does takes longer to load than all else here
  return { logins: logins.sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1)), problem };
}

async function* loginsIn(place: Place, serverUrl: URL | undefined): AsyncGenerator<FoundLogin> {
  const wanted = serverUrl && canonicalServerUrl(serverUrl);
  for await (const { serverUrl: listed, subject } of listSessions(place.store)) {
    if (wanted !== undefined && listed !== wanted) continue;
    const session = place.client.session(listed, { subject });
    const tokens = await session.getTokens();
    if (tokens !== undefined) yield { place, session, tokens };
  }
}

const sortKey = ({ session, place }: FoundLogin): string =>
  [session.serverUrl, session.subject ?? "", place.kind].join(" ");

/** The URL as logins are stored by it. */
export const canonicalServerUrl = ({ origin, pathname, search }: URL): string =>
  origin + pathname.replace(/\/+$/, "") + search;

/** Reads the URL of an MCP server that a person typed. */
export function readServerUrl(text: string): URL {
  // "localhost:8080" would be a URL, too, of a scheme of that name
  const isHost = /^[\w.-]+(:\d+)?(\/|$)/.test(text);
  const url = isHost || !URL.canParse(text) ? undefined : new URL(text);
  if (url === undefined) {
    const scheme = /^(localhost|127\.)/.test(text) ? "http" : "https";
    throw new CommandError("url_invalid", `${JSON.stringify(text)} is no URL`, {
      exitCode: EXIT.usage,
      next: `Write it whole, like ${isHost ? `${scheme}://${text}` : "https://mcp.example.com/mcp"}.`,
    });
  }
  if (!/^https?:$/.test(url.protocol)) {
    throw new CommandError(
      "url_invalid",
      `MCP servers have https URLs, or http ones on this machine, not ${url.protocol}`,
      {
        exitCode: EXIT.usage,
      },
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new CommandError("url_invalid", "the URL of the MCP server must not contain a user name or password", {
      exitCode: EXIT.usage,
    });
  }
  return url;
}
