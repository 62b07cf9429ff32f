import { describe, expect, it } from "vitest";
import {
  createMemoryStore,
  discoverAuthServer,
  refreshTokens,
  type AuthClientOptions,
  type TokenSet,
} from "../../src/index.js";
import { of, shows, type Outcome, type Peer } from "./features.ts";
import { MCP_CLIENTS, refusalOf, type CallTool, type ConnectMcp } from "./mcp-clients.ts";
import { askedOf, browserVisits, createPeerHost, started, type PeerHost, type PeerHostOptions } from "./peer-host.ts";
import type { RecordedRequest } from "./servers/recorded-request.ts";

/** A peer at which a user logs in, and whose tokens are renewed. */
export interface LoginPeer {
  readonly serverUrl: string;
  readonly issuer: string;
  readonly requests: RecordedRequest[];
  /** From now on no access token issued before is good; refresh tokens live on. */
  expireAccessTokens?(): Promise<void> | void;
  close(): Promise<void>;
}

/** What is so at one peer and otherwise at another. */
export interface LoginFacts {
  readonly peer: Peer;
  readonly name: string;
  readonly start: () => Promise<LoginPeer>;
  /** What a host has to be told of it. */
  readonly told?: (peer: LoginPeer) => Partial<AuthClientOptions>;
  /** What a first login asks of the authorization server. */
  readonly asks: readonly string[];
  /** Whether its access tokens can be made to expire. */
  readonly expires: boolean;
  /** Whether the user is asked before anything is granted. */
  readonly asksUser: boolean;
  /** Whether it has a tool that needs more scope. */
  readonly stepsUp: boolean;
  /** What becomes of a login when somebody uses an old refresh token of it. */
  readonly copiedRefreshToken: keyof typeof COPIED;
  /** What an access token is worth after a sign-out, where a JWT lives on; absent where nothing can be revoked. */
  readonly afterRevocation?: 200 | 401;
}

const COPIED = {
  refused: "yes, refused",
  "ends the login": "yes, login ends",
  "ends the login later": "no: taken, login ends later",
} as const satisfies Record<string, Outcome>;

const yes = ({ told }: LoginFacts): Outcome => (told ? "yes, when told" : "yes");

interface World extends PeerHost {
  readonly peer: LoginPeer;
  /** Moves the clock of all hosts. */
  readonly wait: (ms: number) => void;
  /** One more host; on a machine of its own unless it is given a store. */
  readonly another: (options?: PeerHostOptions) => PeerHost;
  /** Presents a refresh token from somewhere else. */
  readonly replay: (tokens: TokenSet) => Promise<TokenSet>;
}

async function enter({ start, told }: LoginFacts, options?: PeerHostOptions): Promise<World> {
  const peer = await started(start());
  const knowledge = told?.(peer);
  let later = 0;
  const another = (more?: PeerHostOptions): PeerHost =>
    createPeerHost(peer.serverUrl, { now: () => Date.now() + later, ...knowledge, ...more });
  const replay = async (tokens: TokenSet): Promise<TokenSet> =>
    await refreshTokens(await discoverAuthServer(peer.serverUrl, { profiles: knowledge?.profiles }), tokens);
  return { peer, another, replay, wait: (ms) => (later += ms), ...another(options) };
}

/** Requests that have a name; the stream that the stateful wire opens beside the calls has none. */
const named = (requests: readonly RecordedRequest[]): unknown[] =>
  requests.filter(({ operation }) => operation !== undefined).map(({ operation, status }) => [operation, status]);

const refreshes = ({ requests }: LoginPeer): number =>
  askedOf(requests).filter((asked) => asked === "refresh_token").length;

/** Three calls at the same time. */
const callers = (callTool: CallTool): Promise<string[]> =>
  Promise.all(["whoami", "whoami", "whoami"].map((tool) => callTool(tool)));

async function stored({ session }: PeerHost): Promise<TokenSet> {
  return (await session.getTokens()) ?? expect.fail("no tokens after the login");
}

/** Declares the tests of logins, renewal, step-up and sign-out at one peer. */
export function describeLogins(facts: LoginFacts): void {
  const [[, connect]] = MCP_CLIENTS as readonly [(typeof MCP_CLIENTS)[number]];
  describe.each(MCP_CLIENTS)(`${facts.name}, called by %s`, of(facts.peer), (_name, connectEither) => {
    testCalls(facts, connectEither);
  });
  describe(facts.name, of(facts.peer), () => {
    testUser(facts, connect);
    testCopies(facts, connect);
    testSignOut(facts, connect);
  });
}

function testCalls(facts: LoginFacts, connect: ConnectMcp): void {
  const login = "asks for a login, gets one with the scope it names, and serves the tool [spec-60, spec-62, spec-97]";
  const registers = facts.asks.some((asked) => asked.includes("/reg"));
  it(login, shows({ "login and tool call": yes(facts), ...(registers && { registration: "yes" }) }), async () => {
    const host = await enter(facts);
    const { peer } = host;
    const callTool = await connect(peer.serverUrl, host.interactive);

    expect(await callTool("whoami")).not.toBe("");
    const { issuer, refreshToken, scope } = await stored(host);
    expect(issuer).toBe(peer.issuer);
    expect(scope).toMatch(/^(mcp:read|openid)\b/);
    expect(refreshToken).toBeDefined();
    expect(askedOf(peer.requests)).toEqual(facts.asks);
    expect(browserVisits(peer.requests)).toBeGreaterThan(0);
  });

  const renewal =
    "is asked once to renew a token that has expired, before any of the calls that wait is made [spec-105]";
  it(renewal, shows({ "refresh and rotation": "yes" }), async () => {
    const host = await enter(facts);
    const { peer } = host;
    await connect(peer.serverUrl, host.interactive);
    const callTool = await connect(peer.serverUrl, host.unattended);
    const first = await stored(host);
    peer.requests.length = 0;

    host.wait(3_590_000);
    expect(new Set(await callers(callTool)).size).toBe(1);
    const call = ["tools/call whoami", 200];
    expect(named(peer.requests)).toEqual([["refresh_token", 200], call, call, call]);
    const second = await stored(host);
    expect(second.accessToken).not.toBe(first.accessToken);
    expect(second.refreshToken).not.toBe(first.refreshToken);
  });

  if (facts.expires) {
    it("is asked once to renew a token that it refuses, however many calls wait [spec-107]", async () => {
      const { peer, interactive } = await enter(facts);
      const callTool = await connect(peer.serverUrl, interactive);
      peer.requests.length = 0;

      await peer.expireAccessTokens?.();
      expect(new Set(await callers(callTool)).size).toBe(1);
      expect(refreshes(peer)).toBe(1);
      expect(browserVisits(peer.requests)).toBe(0);
    });
  }

  if (facts.stepsUp) {
    const stepUp =
      "gets more scope out of the user where a tool needs it, and the call goes through [spec-63, spec-108]";
    it(stepUp, shows({ "step-up": "yes" }), async () => {
      const host = await enter(facts);
      const { peer } = host;
      const callTool = await connect(peer.serverUrl, host.interactive);
      const { registration } = await stored(host);
      peer.requests.length = 0;

      expect(await callTool("write_note", { text: "hello" })).toMatch(/^note \d+ written$/);
      const writes = peer.requests.filter(({ operation }) => operation === "tools/call write_note");
      expect(writes.map(({ status }) => status)).toEqual([403, 200]);
      expect(askedOf(peer.requests)).toEqual(["authorization_code"]);
      const tokens = await stored(host);
      expect(tokens.scope?.split(" ")).toEqual(expect.arrayContaining(["mcp:read", "mcp:write"]));
      expect(tokens.registration.clientId).toBe(registration.clientId);
      expect(await callTool("whoami")).not.toBe("");
    });
  }
}

function testUser(facts: LoginFacts, connect: ConnectMcp): void {
  if (facts.asksUser) {
    it("says that the user refused [spec-84]", shows({ "user refuses": "yes" }), async () => {
      const { peer, session, interactive } = await enter(facts, { browser: { decision: "deny" } });

      expect(await refusalOf(connect(peer.serverUrl, interactive))).toBe("authorization_denied");
      expect(await session.getTokens()).toBeUndefined();
    });
  } else {
    it("asks no user, so that none refuses", shows({ "user refuses": "no: not asked" }), async () => {
      const { login } = await enter(facts, { browser: { decision: "deny" } });

      expect(await login()).toHaveProperty("accessToken");
    });
  }

  if (facts.expires) {
    it("sees no refresh token twice when two clients on one store renew at the same time", async () => {
      const store = createMemoryStore();
      const { peer, interactive, another } = await enter(facts, { store });
      const callFirst = await connect(peer.serverUrl, interactive);
      const callSecond = await connect(peer.serverUrl, another({ store }).unattended);
      peer.requests.length = 0;

      await peer.expireAccessTokens?.();
      await Promise.all([callFirst("whoami"), callSecond("whoami")]);
      await callFirst("whoami");
      expect(refreshes(peer)).toBe(1);
      expect(browserVisits(peer.requests)).toBe(0);
    });
  }

  if (facts.stepsUp) {
    it("keeps serving what was granted when nobody can be asked for more", async () => {
      const host = await enter(facts);
      await connect(host.peer.serverUrl, host.interactive);
      const callTool = await connect(host.peer.serverUrl, host.unattended);
      const granted = await stored(host);

      expect(await refusalOf(callTool("write_note", { text: "hello" }))).toBe("insufficient_scope");
      expect(await stored(host)).toEqual(granted);
      expect(await callTool("whoami")).not.toBe("");
    });
  }
}

function testCopies(facts: LoginFacts, connect: ConnectMcp): void {
  const fate = facts.copiedRefreshToken;
  const cell = shows({ "copied refresh token": COPIED[fate] });

  it(`an old refresh token that turns up: ${fate}`, cell, async () => {
    const host = await enter(facts);
    const { peer, wait } = host;
    const callTool = await connect(peer.serverUrl, host.interactive);
    const callUnattended = await connect(peer.serverUrl, host.unattended);
    const old = await stored(host);
    wait(3_590_000);
    await callTool("whoami");

    // somebody has a copy of what was stored before
    const replayed = host.replay(old);
    if (fate === "ends the login later") expect(await replayed).toHaveProperty("refreshToken");
    else await expect(replayed).rejects.toMatchObject({ code: "refresh_rejected", oauthError: "invalid_grant" });
    wait(3_590_000);
    if (fate === "refused") {
      expect(await callUnattended("whoami")).not.toBe("");
      return;
    }
    await peer.expireAccessTokens?.();
    peer.requests.length = 0;
    expect(await refusalOf(callUnattended("whoami"))).toBe("authorization_required");
    expect(await host.session.getTokens()).toBeUndefined();
    expect(await refusalOf(callUnattended("whoami"))).toBe("authorization_required");
    expect(refreshes(peer)).toBe(1);

    expect(await callTool("whoami")).not.toBe("");
    expect(await callUnattended("whoami")).not.toBe("");
  });
}

function testSignOut(facts: LoginFacts, connect: ConnectMcp): void {
  const { afterRevocation } = facts;
  const cell = shows({ revocation: afterRevocation ? yes(facts) : "no: forgotten only" });

  it(
    afterRevocation ? "is told of a sign-out and takes nothing back" : "cannot revoke, and is not asked",
    cell,
    async () => {
      const host = await enter(facts);
      const { peer, session } = host;
      await connect(peer.serverUrl, host.interactive);
      const callTool = await connect(peer.serverUrl, host.unattended);
      const old = await stored(host);

      expect(await session.signOut()).toEqual({ revoked: afterRevocation ? "yes" : "unsupported" });
      expect(await session.getTokens()).toBeUndefined();
      expect(await refusalOf(callTool("whoami"))).toBe("authorization_required");
      expect(await session.signOut()).toEqual({ revoked: "skipped" });
      if (afterRevocation === undefined) return;
      const withOldToken = await connect(peer.serverUrl, (input, init) => {
        const headers = new Headers(init?.headers);
        headers.set("authorization", `Bearer ${old.accessToken}`);
        return fetch(input, { ...init, headers });
      }).then(
        () => 200,
        () => 401,
      );
      expect(withOldToken).toBe(afterRevocation);
      await expect(host.replay(old)).rejects.toMatchObject({ code: "refresh_rejected" });
    },
  );
}
