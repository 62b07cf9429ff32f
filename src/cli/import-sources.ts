import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { nodeProcess } from "./builtins.js";

/** A login that another program keeps. */
export interface ForeignLogin {
  readonly program: "mcp-remote" | "opencode" | "oh-my-opencode";
  /** Absent when its files do not say. */
  readonly serverUrl: string | undefined;
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
  readonly scope?: string | undefined;
  /** Who issued the tokens, where the program remembers it. */
  readonly issuer?: string | undefined;
  readonly client?: ForeignClient | undefined;
}

/** The client that the tokens were issued to. */
export interface ForeignClient {
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly clientSecretExpiresAt?: number | undefined;
  readonly authMethod?: string | undefined;
  readonly redirectUris: readonly string[];
}

/** Every login that the other programs keep; `serverUrl` is for the one that knows servers by a hash alone. */
export function readForeignLogins(serverUrl: URL | undefined): readonly ForeignLogin[] {
  return [...readMcpRemote(serverUrl), ...readOpencode(), ...readOhMyOpencode()];
}

type Members = Readonly<Record<string, unknown>>;

function readJson(file: string): Members {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return members(value);
  } catch {
    // not there, not readable or not whole: nothing to take over
    return {};
  }
}

const members = (value: unknown): Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {};
const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) && value > 0 ? value : undefined;
const fromSeconds = (value: unknown): number | undefined => {
  const seconds = count(value);
  return seconds === undefined ? undefined : seconds * 1000;
};
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === "string") : [];

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

const SUFFIX = "_tokens.json";

/** `~/.mcp-auth/mcp-remote-*`: files by the MD5 of the server's URL, with the members of the RFCs. */
function readMcpRemote(serverUrl: URL | undefined): readonly ForeignLogin[] {
  const base = nodeProcess.env["MCP_REMOTE_CONFIG_DIR"] ?? join(homedir(), ".mcp-auth");
  const hashes = new Map<string, string>();
  // as it was typed, which may have been with a slash at its end, or without
  for (const spelling of serverUrl === undefined ? [] : [serverUrl.href, serverUrl.href.replace(/\/$/, "")]) {
    hashes.set(createHash("md5").update(spelling).digest("hex"), serverUrl?.href ?? "");
  }
  const folders = namesIn(base).filter((name) => name.startsWith("mcp-remote-"));
  return folders.flatMap((folder) =>
    namesIn(join(base, folder))
      .filter((name) => name.endsWith(SUFFIX))
      .flatMap((name) => {
        const hash = name.slice(0, -SUFFIX.length);
        const tokens = readJson(join(base, folder, name));
        const client = readJson(join(base, folder, `${hash}_client_info.json`));
        const accessToken = text(tokens["access_token"]);
        if (accessToken === undefined) return [];
        const login: ForeignLogin = {
          program: "mcp-remote",
          serverUrl: hashes.get(hash),
          accessToken,
          refreshToken: text(tokens["refresh_token"]),
          expiresAt: count(tokens["expires_at"]),
          scope: text(tokens["scope"]),
          issuer: text(tokens["issuer"]),
          client: clientOf(client["client_id"], client["client_secret"], {
            clientSecretExpiresAt: fromSeconds(client["client_secret_expires_at"]),
            authMethod: text(client["token_endpoint_auth_method"]),
            redirectUris: texts(client["redirect_uris"]),
          }),
        };
        return [login];
      }),
  );
}

function clientOf(
  id: unknown,
  secret: unknown,
  more: Omit<ForeignClient, "clientId" | "clientSecret"> = { redirectUris: [] },
): ForeignClient | undefined {
  const clientId = text(id);
  return clientId === undefined ? undefined : { clientId, clientSecret: text(secret), ...more };
}

/** `opencode/mcp-auth.json` among the data of the user: one file, by the names of servers, times in seconds. */
function readOpencode(): readonly ForeignLogin[] {
  const data = nodeProcess.env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share");
  return Object.values(readJson(join(data, "opencode", "mcp-auth.json"))).flatMap((value) => {
    const entry = members(value);
    return camelCaseLogin("opencode", text(entry["serverUrl"]), members(entry["tokens"]), members(entry["clientInfo"]));
  });
}

/** `mcp-oauth/*.json` in opencode's configuration: a file for each, which an index names as host and URL. */
function readOhMyOpencode(): readonly ForeignLogin[] {
  const config =
    nodeProcess.env["OPENCODE_CONFIG_DIR"] ??
    join(nodeProcess.env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config"), "opencode");
  const folder = join(config, "mcp-oauth");
  const index = readJson(join(folder, "index.json"));
  const single = namesIn(folder)
    .filter((name) => name.endsWith(".json") && name !== "index.json")
    .map((name) => [text(index[basename(name, ".json")]), readJson(join(folder, name))] as const);
  const legacy = Object.entries(readJson(join(config, "mcp-oauth.json")));
  return [...single, ...legacy].flatMap(([key, value]) => {
    const entry = members(value);
    return camelCaseLogin("oh-my-opencode", urlInKey(key), entry, members(entry["clientInfo"]));
  });
}

/** The keys are "host/resource", and the resource is the URL of the server. */
const urlInKey = (key = ""): string | undefined => /^[^/]+\/(https?:\/\/.+)$/.exec(key)?.[1];

function camelCaseLogin(
  program: ForeignLogin["program"],
  serverUrl: string | undefined,
  tokens: Members,
  client: Members,
): readonly ForeignLogin[] {
  const accessToken = text(tokens["accessToken"]);
  if (accessToken === undefined) return [];
  return [
    {
      program,
      serverUrl,
      accessToken,
      refreshToken: text(tokens["refreshToken"]),
      expiresAt: fromSeconds(tokens["expiresAt"]),
      scope: text(tokens["scope"]),
      client: clientOf(client["clientId"], client["clientSecret"], {
        clientSecretExpiresAt: fromSeconds(client["clientSecretExpiresAt"]),
        redirectUris: [],
      }),
    },
  ];
}
