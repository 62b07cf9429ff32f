import { expect, it } from "vitest";
import { withProcesses } from "./support/host-process.ts";
import { createSetting, describeStores, isLong, milliseconds, report } from "./support/setting.ts";

const DAY_MS = 86_400_000;
const ROUNDS = isLong ? 20 : 3;

describeStores((kind) => {
  it("8 processes that send 200 requests each, with one expired token, refresh once", async () => {
    await using setting = await createSetting(kind);
    const { server, spec } = setting;
    const durations: number[] = [];
    await withProcesses(8, spec, server.serverUrl, async (processes) => {
      expect(await processes[0]?.ask({ type: "login" })).toEqual({ outcome: "200", logins: 1 });
      for (let round = 1; round <= ROUNDS; round += 1) {
        // every second time the clients do not know that the token has come to its end
        const isKnown = round % 2 === 1;
        if (isKnown) server.advance(DAY_MS);
        else server.expireAccessTokens();
        const offsetMs = server.now() - Date.now();
        const before = server.counts.refresh;
        const startedAt = performance.now();
        const answers = await Promise.all(processes.map((one) => one.ask({ type: "requests", count: 200, offsetMs })));
        durations.push(performance.now() - startedAt);
        const failed = answers.flatMap(({ outcomes }) => outcomes).filter((outcome) => outcome !== "200");
        expect({ round, failed, refreshes: server.counts.refresh - before }).toEqual({
          round,
          failed: [],
          refreshes: 1,
        });
      }
    });
    expect(server.counts).toMatchObject({ authorization: 1, token: 1, refresh: ROUNDS });
    report(
      `8 processes × 200 requests, expired token, ${kind}`,
      `${ROUNDS} rounds: ${server.counts.refresh} refreshes, 0 failed requests; ${milliseconds(durations)}`,
    );
  });

  it("50 processes that are logged out log in once", async () => {
    await using setting = await createSetting(kind);
    const { server, spec } = setting;
    await withProcesses(50, spec, server.serverUrl, async (processes) => {
      const startedAt = performance.now();
      const answers = await Promise.all(processes.map((one) => one.ask({ type: "login" })));
      report(
        `50 logged-out processes, ${kind}`,
        `${server.counts.authorization} authorization, ${server.counts.registration} registration, ` +
          `${answers.filter(({ outcome }) => outcome !== "200").length} failed; ${(performance.now() - startedAt).toFixed(0)} ms`,
      );
      expect(answers.map(({ outcome }) => outcome)).toEqual(answers.map(() => "200"));
      expect(answers.reduce((sum, { logins }) => sum + logins, 0)).toBe(1);
    });
    expect(server.counts).toMatchObject({ authorization: 1, token: 1, registration: 1, refresh: 0 });
  });
});
