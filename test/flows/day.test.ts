import { afterEach, expect, it, vi } from "vitest";
import { isAuthError } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { SharedLocks } from "../support/host.js";
import { approvedBy, createHost, lockingViewOf } from "../support/host.js";

// A day of many users at a server that has bad moments, in fast-forward. npm run test:day has the figures of the long form.
const isLong = process.env["DAY"] === "long";
const SESSIONS = isLong ? 1_000 : 40;
const PROCESSES = 3;
const STEP_MS = 15_000;
const DAY = 86_400_000;
const LIFETIME_MS = 3_600_000;
const MAX_MARGIN_MS = 60_000;
const TROUBLE = 0.2;

afterEach(() => {
  vi.useRealTimers();
});

/** Chance that comes out the same every time. */
function createChance(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

const troubles: readonly (() => Response | Promise<Response>)[] = [
  () => Response.json({ error: "temporarily_unavailable" }, { status: 429 }),
  () => new Response(null, { status: 429, headers: { "retry-after": "20" } }),
  () => new Response("busy", { status: 503 }),
  () => new Response("busy", { status: 503, headers: { "retry-after": "45" } }),
  () => new Response("<html>Sign in to the network</html>", { headers: { "content-type": "text/html" } }),
  () => Promise.reject(new TypeError("fetch failed")),
  // no answer comes, and the time of the request runs out
  () => {
    queueMicrotask(() => {
      vi.advanceTimersByTime(10_000);
    });
    return new Promise<never>(() => undefined);
  },
];

interface Day {
  readonly refreshes: number;
  readonly troubles: number;
  readonly lost: number;
  readonly waits: number;
  readonly userNeeded: number;
  readonly logins: number;
  /** The shortest time between two successful refreshes of one session. */
  readonly shortestLifeMs: number;
}

/** Lives through a day, in which `lostShare` of the answers are lost after the server has acted. */
async function live(lostShare: number): Promise<Day> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const chance = createChance(20_261_121);
  const start = Date.UTC(2027, 0, 1);
  const server = createFakeAuthServer({ accessTokenTtlMs: LIFETIME_MS, now: () => start });
  const count = { refreshes: 0, troubles: 0, lost: 0, waits: 0, userNeeded: 0, logins: 0 };
  let shortestLifeMs = Infinity;
  let questions = 0;
  const subjectOf = new Map<string, string>();
  const renewedAt = new Map<string, number>();

  server.faults.add({
    endpoint: "refresh",
    times: Infinity,
    when: ({ form }) => {
      // a login also asks whether its client is known, with a token that the server never gave out
      const isRefresh = form.get("refresh_token")?.startsWith("[refresh_token") === true;
      if (!isRefresh) questions += 1;
      return isRefresh;
    },
    fault: async (request, answer) => {
      if (chance() < TROUBLE) {
        count.troubles += 1;
        const trouble = troubles[Math.floor(chance() * troubles.length)];
        if (trouble !== undefined) return await trouble();
      }
      const used = new URLSearchParams(await request.text()).get("refresh_token") ?? "";
      const response = await answer();
      if (!response.ok) return response;
      if (chance() < lostShare) {
        count.lost += 1;
        throw new TypeError("fetch failed");
      }
      const subject = subjectOf.get(used) ?? "";
      const last = renewedAt.get(subject);
      if (last !== undefined) shortestLifeMs = Math.min(shortestLifeMs, server.now() - last);
      renewedAt.set(subject, server.now());
      const { refresh_token: next } = (await response.clone().json()) as { refresh_token: string };
      subjectOf.set(next, subject);
      count.refreshes += 1;
      return response;
    },
  });

  const backing = new Map<string, string>();
  const locks: SharedLocks = new Map();
  const clients = Array.from(
    { length: PROCESSES },
    () => createHost(server, { store: lockingViewOf(backing, locks) }).client,
  );
  const users = Array.from({ length: SESSIONS }, (_, index) => {
    const subject = `user ${index}`;
    const sessions = clients.map((client) => client.session(server.serverUrl, { subject }));
    return { subject, sessions, startsAt: start + Math.floor(chance() * LIFETIME_MS), isIn: false };
  });

  async function logIn({ subject, sessions }: (typeof users)[number]): Promise<void> {
    const tokens = await sessions[0]?.authorize(approvedBy(server));
    subjectOf.set(tokens?.refreshToken ?? "", subject);
    renewedAt.set(subject, server.now());
  }

  while (server.now() < start + DAY) {
    server.advance(STEP_MS);
    for (const user of users) {
      if (!user.isIn) {
        if (server.now() < user.startsAt) continue;
        user.isIn = true;
        await logIn(user);
      }
      const results = await Promise.all(
        user.sessions.map(async (session) => {
          try {
            return (await session.getAccessToken()) ?? "nobody is logged in";
          } catch (error) {
            if (!isAuthError(error) || error.name !== "TransportError") throw error;
            if (error.retryAt === undefined) throw new Error("it does not say when to come again", { cause: error });
            count.waits += 1;
            return undefined;
          }
        }),
      );
      if (results.includes("nobody is logged in")) {
        count.userNeeded += 1;
        count.logins += 1;
        await logIn(user);
      }
    }
  }
  expect(vi.getTimerCount()).toBe(0);
  expect(server.counts.refresh - questions).toBe(count.refreshes + count.troubles + 2 * count.lost);
  return { ...count, shortestLifeMs };
}

it(
  `${SESSIONS} sessions live through a day in which a fifth of the refreshes fails, without a login [pain-3]`,
  async () => {
    const day = await live(0);
    console.log(JSON.stringify(day));

    expect(day).toMatchObject({ logins: 0, userNeeded: 0 });
    expect(day.shortestLifeMs).toBeGreaterThanOrEqual(LIFETIME_MS - MAX_MARGIN_MS);
    expect(day.refreshes).toBeGreaterThanOrEqual(SESSIONS * 22);
    expect(day.refreshes).toBeLessThanOrEqual(SESSIONS * 25);
    const share = day.troubles / (day.troubles + day.refreshes);
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.25);
  },
  SESSIONS * 1_000,
);

it(
  "an answer that is lost after the server has acted costs one login each, and nothing else",
  async () => {
    const day = await live(0.01);
    console.log(JSON.stringify(day));

    expect(day.lost).toBeGreaterThan(0);
    expect(day).toMatchObject({ logins: day.lost, userNeeded: day.lost });
    expect(day.shortestLifeMs).toBeGreaterThanOrEqual(LIFETIME_MS - MAX_MARGIN_MS);
  },
  SESSIONS * 1_000,
);
