import { expect, it } from "vitest";
import { withProcesses } from "./support/host-process.ts";
import { createSetting, describeStores } from "./support/setting.ts";

const DAY_MS = 86_400_000;

describeStores((kind) => {
  it("a process that stands still under its lock makes no token request when it goes on: another has", async () => {
    await using setting = await createSetting(kind);
    const { server, spec } = setting;
    await withProcesses(2, spec, server.serverUrl, async ([sleeper, other]) => {
      expect(await sleeper?.ask({ type: "login" })).toEqual({ outcome: "200", logins: 1 });
      server.advance(DAY_MS);
      const offsetMs = server.now() - Date.now();
      const slept = sleeper?.ask({ type: "stopBeforeRefresh", offsetMs });
      await sleeper?.held;
      // waits for as long as the lock of either store lasts
      expect(await other?.ask({ type: "requests", count: 1, offsetMs })).toEqual({ outcomes: ["200"] });
      sleeper?.kill("SIGCONT");

      // its connections may have been closed meanwhile
      expect(["200", "TypeError: fetch failed"]).toContain((await slept)?.outcome);
      expect(await sleeper?.ask({ type: "requests", count: 1, offsetMs })).toEqual({ outcomes: ["200"] });
      expect(server.counts).toMatchObject({ authorization: 1, refresh: 1 });
    });
  });
});
