import fc from "fast-check";
import { expect, it } from "vitest";
import type { AuthSession, KVStore } from "../../src/index.js";
import { createAuthFetch, isAuthError } from "../../src/index.js";
import type { FakeAuthServer, FakeAnswer, FaultName } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { SharedLocks } from "../support/host.js";
import { approvedBy, createHost, lockingViewOf } from "../support/host.js";

// The life of tokens as a game: processes on one store, which may fail, at a server that rotates refresh tokens and ends the
// grant when one comes twice. npm run test:model plays it for long, and each time another game.
const isLong = process.env["MODEL"] === "long";
const RUNS = isLong ? 10_000 : 300;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ACTORS = 4;

/** What has to be true of the session, whatever the processes know of it. */
interface Model {
  /** Somebody has logged in, and nothing happened that ends a session. */
  alive: boolean;
  /** An answer or a write was lost after the server had acted: the session may be over, and a login is no surprise. */
  doubtful: boolean;
}

interface Actor {
  session: AuthSession;
  killed: boolean;
  /** Store calls until it is killed. */
  callsLeft: number;
  /** A refresh token whose answer it has seen, while it deals with the answer. */
  dealingWith: string | undefined;
  clockOffset: number;
  readonly seen: Set<string>;
}

class World {
  readonly server = createFakeAuthServer({ accessTokenTtlMs: HOUR, scopes: ["read"] });
  readonly neighbour = createFakeAuthServer({
    serverUrl: "https://mcp.neighbour.example/mcp",
    issuer: "https://auth.neighbour.example",
  });
  readonly backing = new Map<string, string>();
  readonly locks: SharedLocks = new Map();
  readonly storeFaults: { action: "get" | "set" | "delete"; key: RegExp; left: number }[] = [];
  readonly inFlight = new Set<string>();
  readonly answered = new Set<string>();
  /** Answered, but whoever saw the answer could not tell the others. */
  readonly excused = new Set<string>();
  readonly issuedBy = new Map<string, FakeAuthServer>();
  readonly violations: string[] = [];
  readonly actors: Actor[];
  readonly model: Model;
  #turns = 1;

  constructor(model: Model) {
    this.model = model;
    this.actors = Array.from({ length: ACTORS }, () => this.start());
  }

  actorAt(index: number): Actor {
    const actor = this.actors[index];
    if (actor === undefined) throw new Error(`there is no actor ${index}`);
    return actor;
  }

  start(): Actor {
    const actor: Actor = {
      killed: false,
      callsLeft: Infinity,
      dealingWith: undefined,
      clockOffset: 0,
      seen: new Set(),
      session: undefined as unknown as AuthSession,
    };
    const host = createHost(this.server, {
      store: this.storeOf(actor),
      fetch: (input, init) => this.fetch(actor, new Request(input, init)),
      now: () => this.server.now() + actor.clockOffset,
    });
    actor.session = host.session;
    return actor;
  }

  /** Some turns of the event loop, so that the processes' steps mix in another way each time. */
  async pass(): Promise<void> {
    this.#turns = (this.#turns * 16_807) % 2_147_483_647;
    for (let turn = this.#turns % 5; turn > 0; turn -= 1) await Promise.resolve();
  }

  storeOf(actor: Actor): KVStore {
    const view = lockingViewOf(this.backing, this.locks);
    const call = async <T>(action: "get" | "set" | "delete", key: string, work: () => T): Promise<T> => {
      await this.pass();
      actor.callsLeft -= 1;
      if (actor.callsLeft <= 0) actor.killed = true;
      const fault = this.storeFaults.find((one) => one.left > 0 && one.action === action && one.key.test(key));
      if (actor.killed || fault !== undefined) {
        if (fault !== undefined) fault.left -= 1;
        if (actor.dealingWith !== undefined) {
          this.excused.add(actor.dealingWith);
          this.model.doubtful = true;
        }
        throw new Error(actor.killed ? "killed" : "store fault");
      }
      return work();
    };
    return {
      ...view,
      get: (key) => call("get", key, () => this.backing.get(key)),
      set: (key, value) => call("set", key, () => this.backing.set(key, value)),
      delete: (key) => call("delete", key, () => this.backing.delete(key)),
    };
  }

  async fetch(actor: Actor, request: Request): Promise<Response> {
    await this.pass();
    const isKilled = (): boolean => actor.killed;
    if (isKilled()) throw new TypeError("killed");
    const server = new URL(request.url).hostname.endsWith("neighbour.example") ? this.neighbour : this.server;
    const form = new URLSearchParams(request.method === "POST" ? await request.clone().text() : "");
    const bearer = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
    const sent = form.get("refresh_token");
    // what asks whether the client is known is no token
    const refreshToken = sent === "is-this-client-known" ? null : sent;
    for (const secret of [bearer, refreshToken, form.get("token")]) {
      if (secret && this.issuedBy.get(secret) !== server) this.violations.push(`a token was sent to ${request.url}`);
    }
    if (bearer !== undefined && !request.url.startsWith(server.serverUrl))
      this.violations.push("a token left its server");
    if (refreshToken === null) return await this.note(server, await server.fetch(request));

    if (this.inFlight.has(refreshToken)) this.violations.push("two used one refresh token at the same time");
    const known = this.answered.has(refreshToken) && !this.excused.has(refreshToken);
    if (known || actor.seen.has(refreshToken))
      this.violations.push("a refresh token was used after its answer was seen");
    this.inFlight.add(refreshToken);
    try {
      const response = await this.note(server, await server.fetch(request));
      await this.pass();
      const decided =
        response.status === 200 ? (await response.clone().text()).startsWith("{") : response.status === 400;
      if (decided) {
        this.answered.add(refreshToken);
        actor.seen.add(refreshToken);
        actor.dealingWith = refreshToken;
        if (isKilled()) {
          this.excused.add(refreshToken);
          this.model.doubtful = true;
        }
      }
      return response;
    } finally {
      this.inFlight.delete(refreshToken);
    }
  }

  async note(server: FakeAuthServer, response: Response): Promise<Response> {
    const text = await response.clone().text();
    for (const [, token = ""] of text.matchAll(/"(?:access|refresh)_token":"([^"]+)"/g))
      this.issuedBy.set(token, server);
    return response;
  }

  /** What an actor may come to: a result, or an error of the library that says what to do. */
  async attempt<T>(index: number, work: (actor: Actor) => Promise<T>): Promise<T | Error> {
    const actor = this.actorAt(index);
    try {
      return await work(actor);
    } catch (error) {
      const isTyped =
        isAuthError(error) && /^(server_error|network_error|store_failed|token_not_accepted)$/.test(error.code);
      const isLogin = isAuthError(error, "authorization_required");
      if (isLogin && this.model.alive && !this.model.doubtful)
        this.violations.push("a login was asked for without need");
      if (!isTyped && !isLogin) this.violations.push(`an error of another kind: ${String(error)}`);
      return error as Error;
    } finally {
      actor.dealingWith = undefined;
      if (actor.killed) this.actors[index] = this.start();
    }
  }

  async getToken(index: number): Promise<void> {
    const killed = { yes: false };
    const got = await this.attempt(index, async (actor) => {
      const token = await actor.session.getAccessToken();
      killed.yes = actor.killed;
      return token;
    });
    if (got === undefined && this.model.alive && !this.model.doubtful && !killed.yes) {
      this.violations.push("tokens were lost");
    }
  }

  async request(index: number): Promise<void> {
    await this.attempt(index, ({ session }) => createAuthFetch(session)(this.server.serverUrl));
  }

  check(): void {
    expect(this.violations).toEqual([]);
  }
}

/** A step that is always possible. */
class Step implements fc.AsyncCommand<Model, World> {
  readonly name: string;
  readonly body: (world: World, model: Model) => unknown;
  constructor(name: string, body: (world: World, model: Model) => unknown) {
    this.name = name;
    this.body = body;
  }
  check = (): boolean => true;
  async run(_: Model, world: World): Promise<void> {
    await this.body(world, world.model);
    world.check();
  }
  toString = (): string => this.name;
}

const actor = fc.nat({ max: ACTORS - 1 });
const step = <T>(name: string, input: fc.Arbitrary<T>, body: (value: T) => Step["body"]): fc.Arbitrary<Step> =>
  input.map((value) => new Step(`${name} ${JSON.stringify(value)}`, body(value)));

const before: Readonly<Record<string, FakeAnswer | FaultName>> = {
  "503": { status: 503, body: "busy" },
  "503 retry-after": { status: 503, headers: { "retry-after": "30" }, body: "" },
  "429": { status: 429, body: { error: "slow_down" } },
  html: "html_200",
  network: "network_error",
  "404": "404",
};

const everyone = (world: World, work: (index: number) => Promise<void>): Promise<unknown> =>
  Promise.all(world.actors.map((_, index) => work(index)));

const steps = [
  step("time passes", fc.constantFrom(500, 5_000, 61_000, HOUR / 2, HOUR - 50_000, HOUR), (ms) => ({ server }) => {
    server.advance(ms);
  }),
  step("gets a token", actor, (index) => (world) => world.getToken(index)),
  step("sends a request", actor, (index) => (world) => world.request(index)),
  step("all get a token", fc.constant(0), () => (world) => everyone(world, (index) => world.getToken(index))),
  step("all send a request", fc.constant(0), () => (world) => everyone(world, (index) => world.request(index))),
  step(
    "the server fails before it acts",
    fc.tuple(fc.constantFrom(...Object.keys(before)), fc.integer({ min: 1, max: 3 })),
    ([name, times]) =>
      ({ server }) => {
        const fault = before[name];
        if (fault !== undefined) server.faults.add({ endpoint: "refresh", fault, times });
      },
  ),
  step("an answer is lost after the server acted", fc.constant(0), () => (world) => {
    world.server.faults.add({
      endpoint: "refresh",
      fault: async (_, answer) => {
        await world.note(world.server, await answer());
        world.model.doubtful = true;
        throw new TypeError("fetch failed");
      },
    });
  }),
  step(
    "the server forgets its access tokens",
    fc.constant(0),
    () =>
      ({ server }) =>
        server.expireAccessTokens(),
  ),
  step(
    "the store fails",
    fc.record({
      action: fc.constantFrom("get" as const, "set" as const, "delete" as const),
      key: fc.constantFrom("tokens", "state", ""),
      left: fc.integer({ min: 1, max: 4 }),
    }),
    ({ action, key, left }) =>
      (world) => {
        world.storeFaults.push({ action, key: new RegExp(`^v1:${key}`), left });
      },
  ),
  step("all that failed works again", fc.constant(0), () => (world) => {
    world.storeFaults.length = 0;
    world.server.faults.clear();
  }),
  step(
    "is killed at some call of the store",
    fc.tuple(actor, fc.integer({ min: 1, max: 12 })),
    ([index, calls]) =>
      async (world) => {
        world.actorAt(index).callsLeft = calls;
        await everyone(world, (one) => world.getToken(one));
        world.actorAt(index).callsLeft = Infinity;
      },
  ),
  step("restarts", actor, (index) => async (world) => {
    // what it could not write is gone with it
    await world.attempt(index, ({ session }) => session.getTokens());
    world.actors[index] = world.start();
  }),
  step("has a clock that jumps", fc.tuple(actor, fc.constantFrom(-DAY, 0, DAY)), ([index, offset]) => (world) => {
    world.actorAt(index).clockOffset = offset;
  }),
  step("logs in", actor, (index) => async (world, model) => {
    const faults = world.storeFaults.splice(0);
    const done = await world.attempt(index, ({ session }) =>
      session.authorize(approvedBy(world.server, { force: true })),
    );
    world.storeFaults.push(...faults);
    if (done instanceof Error) return;
    model.alive = true;
    model.doubtful = false;
  }),
  step("all log in", fc.constant(0), () => async (world, model) => {
    world.storeFaults.length = 0;
    const { authorization } = world.server.counts;
    await Promise.all(
      world.actors.map((_, index) =>
        world.attempt(index, ({ session }) => session.authorize(approvedBy(world.server))),
      ),
    );
    if (world.server.counts.authorization !== authorization + 1) world.violations.push("one login would have done");
    model.alive = true;
    model.doubtful = false;
  }),
  step("signs out", actor, (index) => async (world, model) => {
    model.alive = false;
    await world.attempt(index, ({ session }) => session.signOut());
  }),
  step("the user takes the consent back", fc.constant(0), () => async (world, model) => {
    const token = [...world.issuedBy].filter(([, server]) => server === world.server).at(-1)?.[0];
    if (token === undefined) return;
    model.alive = false;
    world.server.revokeGrant(token);
  }),
];

it(
  "keeps every session that can be kept, whoever does what when [pain-1, pain-2, pain-3, pain-4]",
  async () => {
    const ends = { alive: 0, ended: 0, doubtful: 0 };
    await fc.assert(
      fc.asyncProperty(fc.commands(steps, { size: "+1", maxCommands: 60 }), async (commands) => {
        const model: Model = { alive: true, doubtful: false };
        const world = new World(model);
        await world.actorAt(0).session.authorize(approvedBy(world.server));
        const neighbour = createHost(world.neighbour, { store: lockingViewOf(world.backing, world.locks) });
        await neighbour.session.authorize(approvedBy(world.neighbour));
        await fc.asyncModelRun(() => ({ model, real: world }), commands);

        // when all is well again, the session is there, or a login brings it back
        world.storeFaults.length = 0;
        world.server.faults.clear();
        for (const one of world.actors) one.clockOffset = 0;
        await everyone(world, (index) => world.getToken(index));
        world.server.advance(2 * HOUR);
        const last = world.start();
        world.actors[0] = last;
        const answer = await world.attempt(0, ({ session }) => createAuthFetch(session)(world.server.serverUrl));
        world.check();
        const isKept = answer instanceof Response && answer.status === 200;
        if (model.alive && !model.doubtful) expect(isKept).toBe(true);
        ends[isKept ? "alive" : model.alive ? "doubtful" : "ended"] += 1;
        if (!isKept) {
          expect(answer).toMatchObject({ code: "authorization_required" });
          await last.session.authorize(approvedBy(world.server));
          expect((await createAuthFetch(last.session)(world.server.serverUrl)).status).toBe(200);
        }
        expect((await neighbour.session.getTokens())?.issuer).toBe(world.neighbour.issuer);
      }),
      { numRuns: RUNS, ...(isLong ? {} : { seed: 1 }) },
    );
    console.log(`${RUNS} runs: ${JSON.stringify(ends)}`);
    expect(ends.alive).toBeGreaterThan(RUNS / 10);
  },
  RUNS * 1_000,
);
