import { expect, it } from "vitest";
import { startProcess, withProcesses } from "./support/host-process.ts";
import { createSetting, describeStores, isLong, report } from "./support/setting.ts";

const LONGEST_WAIT_MS = 10_000;

describeStores((kind) => {
  it("a lock is taken over from an owner that was killed", async () => {
    await using setting = await createSetting(kind);
    const { server, spec } = setting;
    await withProcesses(4, spec, server.serverUrl, async ([owner, ...waiters]) => {
      owner?.ask({ type: "lock", keys: ["lock"] }).catch(() => undefined);
      await owner?.held;
      const waiting = waiters.map((one) => one.ask({ type: "lock", keys: ["lock"], holdMs: 0 }));
      owner?.kill("SIGKILL");
      const waited = (await Promise.all(waiting)).map(({ waitedMs }) => waitedMs);
      report(`lock of a killed owner, ${kind}`, `taken over after ${Math.min(...waited).toFixed(0)} ms`);
      // the short form runs on whatever machine there is, however busy
      if (isLong) expect(Math.min(...waited)).toBeLessThan(LONGEST_WAIT_MS);
    });
  });

  it("a lock is taken over from an owner that stands still, which learns that it lost it", async () => {
    await using setting = await createSetting(kind);
    const { server, spec } = setting;
    await withProcesses(4, spec, server.serverUrl, async ([owner, ...waiters]) => {
      const lost = owner?.ask({ type: "lock", keys: ["lock"] });
      await owner?.held;
      const waiting = waiters.map((one) => one.ask({ type: "lock", keys: ["lock"], holdMs: 0 }));
      owner?.kill("SIGSTOP");
      const waited = (await Promise.all(waiting)).map(({ waitedMs }) => waitedMs);
      owner?.kill("SIGCONT");
      report(`lock of a stopped owner, ${kind}`, `taken over after ${Math.min(...waited).toFixed(0)} ms`);
      if (isLong) expect(Math.min(...waited)).toBeLessThan(LONGEST_WAIT_MS);
      expect(await lost).toMatchObject({ wasLost: true });
    });
  });

  it("a crowd that finds the owner of a lock dead lets one in at a time", async () => {
    await using setting = await createSetting(kind);
    const { server, spec } = setting;
    const rounds = isLong ? 100 : 10;
    const crowd = Array.from({ length: 4 }, (_, index) => `process ${index}`);
    let intrusions = 0;
    await withProcesses(crowd.length, spec, server.serverUrl, async (processes) => {
      for (let round = 0; round < rounds; round += 1) {
        const keys = Array.from({ length: 50 }, (_, index) => `lock ${round} ${index}`);
        const owner = await startProcess(spec, server.serverUrl);
        owner.ask({ type: "lock", keys }).catch(() => undefined);
        await owner.held;
        owner.kill("SIGKILL");
        await owner.exited;
        const at = Date.now() + 20;
        const answers = Promise.all(
          processes.map((one, index) => one.ask({ type: "enter", keys, me: crowd[index] ?? "", at })),
        );
        await new Promise((resolve) => setTimeout(resolve, 50));
        await setting.expireLocks();
        for (const answer of await answers) intrusions += answer.intrusions;
      }
    });
    report(`crowds at locks of dead owners, ${kind}`, `${rounds * 50} locks, ${intrusions} intrusions`);
    expect(intrusions).toBe(0);
  });

  it("a lock has one owner at a time while owners are killed", async () => {
    await using setting = await createSetting(kind);
    const { server, spec, specOfMortals } = setting;
    const kills = isLong ? 100 : 15;
    const forMs = 1_000;
    let turns = 0;
    let intrusions = 0;
    const run = async (me: string): Promise<void> => {
      const one = await startProcess(spec, server.serverUrl);
      const answer = await one.ask({ type: "alternate", key: "lock", me, forMs });
      one.kill("SIGKILL");
      turns += answer.turns;
      intrusions += answer.intrusions;
    };
    const die = async (me: string): Promise<void> => {
      const one = await startProcess(specOfMortals, server.serverUrl);
      one.ask({ type: "alternate", key: "lock", me, forMs: 60_000 }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 100));
      one.kill("SIGKILL");
      await one.exited;
    };
    let left = kills;
    const killing = Promise.all(
      Array.from({ length: 2 }, async () => {
        while (left > 0) {
          left -= 1;
          await die(`killed ${left}`);
        }
      }),
    );
    const surviving = Array.from({ length: 4 }, async (_, index) => {
      do await run(`process ${index}`);
      while (left > 0);
    });
    await Promise.all([killing, ...surviving]);
    report(`lock whose owners are killed, ${kind}`, `${turns} turns beside ${kills} kills, ${intrusions} intrusions`);
    expect(intrusions).toBe(0);
    expect(turns).toBeGreaterThan(0);
  });
});
