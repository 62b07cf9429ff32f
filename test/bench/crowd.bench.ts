import { join } from "node:path";
import { test } from "vitest";
import { createSetting } from "../processes/support/setting.ts";
import { withMembers } from "./member-process.ts";
import { isLong, median, printTable, runBench } from "./support.ts";

const SERVER = "no client, the requests alone";
const FLOOR = "floor: lock and read again";
const OURS = "mcp-oauth-client";
const SDKS = ["sdk 1 withOAuth", "sdk 2 withOAuth"];
const TOKEN_AGE_MS = 600_000;
const MOST_CPU = 1.3;
const SERVER_RULES = "single-use refresh tokens, reuse ends the session, expiry is a surprise (401)";

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const round = (value: number): string => String(Number(value.toFixed(1)));
const percent = (share: number): string => `${round(100 * share)} %`;

interface Crowd {
  readonly refreshes: number;
  readonly failed: number;
  readonly isAlive: boolean;
  readonly milliseconds: number;
  readonly cpuMilliseconds: number;
}

test("calls at once in one process, with an expired token", { timeout: 600_000 }, async () => {
  const rows: string[][] = [];
  for (const [calls, rounds] of [
    [100, 9],
    [1_000, 5],
    [10_000, 3],
  ] as const) {
    const names = [SERVER, FLOOR, OURS, ...(calls <= 1_000 || isLong ? SDKS : [])];
    const samples = await runBench<Readonly<Record<string, readonly Crowd[]>>>(
      "crowd-calls.mjs",
      [String(calls), String(rounds), ...names],
      ["--expose-gc"],
    );
    const all = (name: string): readonly Crowd[] => samples[name] ?? [];
    const cpu = (name: string): number => median(all(name).map(({ cpuMilliseconds }) => cpuMilliseconds));
    for (const name of names) {
      const crowds = all(name);
      const worst = {
        refreshes: Math.max(...crowds.map(({ refreshes }) => refreshes)),
        failed: Math.max(...crowds.map(({ failed }) => failed)),
        isAlive: crowds.every(({ isAlive }) => isAlive),
      };
      const ratio = cpu(name) / cpu(FLOOR);
      const hasMissed =
        worst.refreshes !== 1 || worst.failed > 0 || !worst.isAlive || (calls === 10_000 && ratio > MOST_CPU);
      rows.push([
        name,
        String(calls),
        name === SERVER ? "" : String(worst.refreshes),
        String(worst.failed),
        worst.isAlive ? "alive" : "dead",
        median(crowds.map(({ milliseconds }) => milliseconds)).toFixed(0),
        cpu(name).toFixed(0),
        ratio.toFixed(2),
        name === SERVER || calls < 1_000 ? "" : ((1_000 * (cpu(name) - cpu(SERVER))) / calls).toFixed(1),
        name !== OURS
          ? ""
          : `1, 0, alive${calls === 10_000 ? `, ${MOST_CPU} × floor` : ""}${hasMissed ? ", MISSED" : ""}`,
      ]);
    }
  }
  printTable(
    `Calls at once in one process: ${SERVER_RULES}; worst of all rounds, medians of time`,
    ["client", "calls", "refreshes", "failed", "session", "ms", "CPU ms", "× floor", "added µs a call", "at most"],
    rows,
  );
});

test("processes that share a folder, with an expired token", { timeout: 600_000 }, async () => {
  const rows: string[][] = [];
  for (const [members, calls, rounds, names] of [
    [8, 4, 6, [FLOOR, OURS, ...SDKS]],
    [8, 200, 3, [FLOOR, OURS]],
    [64, 4, 2, [FLOOR, OURS]],
  ] as const) {
    for (const name of names) {
      const { refreshes, failed, lost, milliseconds } = await crowdOfProcesses(name, members, calls, rounds);
      const hasMissed = refreshes.some((count) => count !== 1) || mean(failed) > 0 || lost > 0;
      rows.push([
        name,
        `${members} × ${calls}`,
        round(mean(refreshes)),
        percent(mean(failed)),
        `${lost} of ${rounds}`,
        median(milliseconds).toFixed(0),
        name === OURS ? `1, 0 %, 0${hasMissed ? ", MISSED" : ""}` : "",
      ]);
    }
  }
  printTable(
    `Processes × calls at once on one folder: ${SERVER_RULES}`,
    ["client", "processes", "refreshes a round", "calls failed", "sessions lost", "ms", "at most"],
    rows,
  );
});

/** Lets a token expire once a round, and logs in again where that ends the session. */
async function crowdOfProcesses(name: string, members: number, calls: number, rounds: number) {
  await using setting = await createSetting("file");
  const { server, spec } = setting;
  const directory = join(spec.replace(/^file:/, ""), "crowd");
  return await withMembers(members, [name, directory, server.serverUrl], async (crowd) => {
    const [first] = crowd;
    if (first === undefined) throw new Error("there is no process");
    const ahead = (): number => server.now() - Date.now();
    const callAll = async (count: number): Promise<readonly string[]> =>
      (await Promise.all(crowd.map((member) => member.call(count, ahead())))).flat();
    await first.login(ahead());
    const results = { refreshes: [] as number[], failed: [] as number[], lost: 0, milliseconds: [] as number[] };
    for (let count = 0; count < rounds; count += 1) {
      // everyone has a token that works, and has had it for a while: one that is refused at once was never any good
      await callAll(1);
      server.advance(TOKEN_AGE_MS);
      server.expireAccessTokens();
      const before = server.counts.refresh;
      const startedAt = performance.now();
      const outcomes = await callAll(calls);
      results.milliseconds.push(performance.now() - startedAt);
      results.refreshes.push(server.counts.refresh - before);
      const failures = outcomes.filter((outcome) => outcome !== "200");
      results.failed.push(failures.length / outcomes.length);
      if (failures[0] !== undefined && !SDKS.includes(name)) {
        console.log(`${name}, ${members} × ${calls}, first failure: ${failures[0]}`);
      }
      if ((await first.call(1, ahead()))[0] === "200") continue;
      results.lost += 1;
      await first.login(ahead());
    }
    return results;
  });
}
