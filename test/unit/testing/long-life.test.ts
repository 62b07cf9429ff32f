import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test, vi } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import { REDIRECT_URI, call, logIn, refresh } from "./plain-client.js";

test("is made in a moment: nothing is generated, fetched or signed before it is needed", () => {
  const { subtle } = crypto;
  const dear = [
    ...(["digest", "exportKey", "generateKey", "importKey", "sign", "verify"] as const).map((name) =>
      vi.spyOn(subtle, name),
    ),
    ...(["fetch", "setInterval", "setTimeout"] as const).map((name) => vi.spyOn(globalThis, name)),
  ];
  createFakeAuthServer({ idJag: { audiences: {} }, metadataKind: "openid", deviceAuthorization: {} });
  for (const call of dear) expect(call).not.toHaveBeenCalled();
  // the quickest of many, as a busy machine says nothing about the server
  const took = Array.from({ length: 50 }, () => {
    const start = performance.now();
    createFakeAuthServer();
    return performance.now() - start;
  });
  expect(Math.min(...took)).toBeLessThan(5);
});

test("keeps nothing of logins that are over, and of requests the last thousand", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const server = createFakeAuthServer({
    clients: [{ client_id: "app", redirect_uris: [REDIRECT_URI] }],
    accessTokenTtlMs: 60_000,
    refreshTokenTtlMs: 120_000,
  });
  async function heapAfterLogins(times: number): Promise<number> {
    for (let turn = 0; turn < times; turn += 1) {
      const tokens = await logIn(server, "app");
      await call(server, tokens.access_token);
      await refresh(server, "app", tokens.refresh_token);
      server.advance(10_000);
    }
    collectGarbage();
    return process.memoryUsage().heapUsed;
  }
  const heaps: number[] = [];
  for (let round = 0; round < 6; round += 1) heaps.push(await heapAfterLogins(500));
  const growth = heaps.slice(1).map((heap, round) => (heap - (heaps[round] ?? 0)) / 500);
  // what is kept is kept in each round; what the engine sets aside now and then is not
  expect(Math.min(...growth), growth.join(", ")).toBeLessThan(100);
  expect(server.requests).toHaveLength(1000);
  expect(server.counts).toMatchObject({ authorization: 3000, token: 3000, resource: 3000, refresh: 3000 });
});
