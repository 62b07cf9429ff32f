import { expect, it } from "vitest";
import { startProcess } from "./support/host-process.ts";
import { createSetting, describeStores, isLong, milliseconds, report } from "./support/setting.ts";
import { openStore } from "./support/store-spec.ts";

const DAY_MS = 86_400_000;
const KILLS = isLong ? 200 : 15;
/** The network between client and server, each way. */
const LONGEST_WAY_MS = 6;

const LONGEST_WAIT_MS = 10_000;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describeStores((kind) => {
  it("a process that is killed while it refreshes costs no session", async () => {
    await using setting = await createSetting(kind);
    const { server, spec } = setting;
    const { store, close } = await openStore(spec, server.now);
    // counted here: the log of the server forgets its oldest requests, of which there are more than it keeps
    let refreshed = 0;
    server.faults.add({
      endpoint: "refresh",
      times: Infinity,
      fault: async (_, answer) => {
        await wait(Math.random() * LONGEST_WAY_MS);
        const response = await answer();
        if (response.status === 200) refreshed += 1;
        await wait(Math.random() * LONGEST_WAY_MS);
        return response;
      },
    });
    const stored = async (): Promise<unknown> => {
      for await (const key of store.keys?.("v1:tokens:") ?? []) return await store.get(key);
      return undefined;
    };
    const offset = (): number => server.now() - Date.now();

    const fell = { "before the request": 0, "between answer and write": 0, "after the write": 0 };
    const recoveries: number[] = [];
    let refreshMs = 100;
    let isLost = true; // nobody has logged in yet
    let logins = 0;
    for (let kill = -3; kill <= KILLS; kill += 1) {
      const one = await startProcess(spec, server.serverUrl);
      const startedAt = performance.now();
      const [outcome] = (await one.ask({ type: "requests", count: 1, offsetMs: offset() })).outcomes;
      if (kill > 0) recoveries.push(performance.now() - startedAt);
      expect({ kill, outcome }).toEqual({ kill, outcome: isLost ? "authorization_required" : "200" });
      if (isLost) {
        const authorizations = server.counts.authorization;
        expect(await one.ask({ type: "login" })).toEqual({ outcome: "200", logins: 1 });
        expect(server.counts.authorization - authorizations).toBe(1);
        logins += 1;
      }
      if (kill === KILLS) {
        one.kill("SIGKILL");
        break;
      }

      const [tokens, refreshes] = [await stored(), refreshed];
      server.advance(DAY_MS);
      const work = one.ask({ type: "requests", count: 1, offsetMs: offset() });
      if (kill < 0) {
        const begunAt = performance.now();
        await work;
        refreshMs = performance.now() - begunAt;
      } else {
        work.catch(() => undefined);
        await wait(Math.random() * refreshMs);
      }
      one.kill("SIGKILL");
      await one.exited;
      await setting.expireLocks();
      // what the process sent is answered whether or not it lives
      await setting.idle();
      const [hasRefreshed, hasWritten] = [refreshed > refreshes, (await stored()) !== tokens];
      isLost = hasRefreshed && !hasWritten;
      if (kill >= 0) {
        fell[isLost ? "between answer and write" : hasWritten ? "after the write" : "before the request"] += 1;
      }
    }
    close();
    const figures = Object.entries(fell).map(([when, count]) => `${count} ${when}`);
    report(
      `${KILLS} kills during a refresh, ${kind}`,
      `${figures.join(", ")}; ${logins - 1} logins again; next request after ${milliseconds(recoveries)}`,
    );
    expect(logins - 1).toBe(fell["between answer and write"]);
    // the short form runs on whatever machine there is, however busy
    if (isLong) expect(Math.max(...recoveries)).toBeLessThan(LONGEST_WAIT_MS);
  });
});
