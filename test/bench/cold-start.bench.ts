import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTokenStore } from "mcp-oauth-client";
import { createFileStore } from "mcp-oauth-client/node";
import { expect, test } from "vitest";
import { interleave, median, printTable, runBench } from "./support.ts";

const ROUNDS = 15;

interface ImportCost {
  readonly milliseconds: number;
  readonly mebibytes: number;
}

test("import in a fresh process", { timeout: 120_000 }, async () => {
  const importing = (specifier: string) => () => runBench<ImportCost>("import-cost.mjs", [specifier]);
  const ours = "mcp-oauth-client";
  const floor = "oauth4webapi";
  const sdk = "@modelcontextprotocol/sdk/client/auth.js";
  const names = [floor, ours, sdk, "@modelcontextprotocol/client"];
  const samples = await interleave(ROUNDS, Object.fromEntries(names.map((name) => [name, importing(name)])));
  const time = (name: string): number => median((samples.get(name) ?? []).map(({ milliseconds }) => milliseconds));
  const memory = (name: string): number => median((samples.get(name) ?? []).map(({ mebibytes }) => mebibytes));
  printTable(
    `Import in a fresh process, medians of ${ROUNDS}`,
    ["module", "ms", "MiB", `× ${floor}`, "× sdk 1"],
    names.map((name) => [
      name,
      time(name).toFixed(1),
      memory(name).toFixed(1),
      (time(name) / time(floor)).toFixed(2),
      (time(name) / time(sdk)).toFixed(2),
    ]),
  );
  const verdict = (value: number, limit: number): string =>
    `${value.toFixed(2)} (at most ${limit})${value <= limit ? "" : ", MISSED"}`;
  console.log(`ours × ${floor}: ${verdict(time(ours) / time(floor), 3)}`);
  console.log(`ours × sdk 1: ${verdict(time(ours) / time(sdk), 0.15)}`);
});

interface FirstAnswer {
  readonly milliseconds: number;
  readonly status: number;
}

test("process start to the first authorized answer, with a stored token", { timeout: 120_000 }, async () => {
  const accessToken = "0123456789abcdef0123456789abcdef";
  const server = createServer((request, response) => {
    response.statusCode = request.headers.authorization === `Bearer ${accessToken}` ? 200 : 401;
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const serverUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const folder = mkdtempSync(join(tmpdir(), "first-answer-"));
  try {
    const file = join(folder, "tokens.json");
    writeFileSync(file, JSON.stringify({ access_token: accessToken, token_type: "Bearer" }));
    const directory = join(folder, "store");
    const now = Date.now();
    const issuer = "https://auth.example.com";
    await createTokenStore(createFileStore({ directory })).setTokens(
      { serverUrl },
      {
        accessToken,
        tokenType: "Bearer",
        obtainedAt: now,
        expiresAt: now + 3_600_000,
        issuer,
        tokenEndpoint: `${issuer}/token`,
        resource: serverUrl,
        registration: {
          issuer,
          clientId: "bench",
          tokenEndpointAuthMethod: "none",
          redirectUris: [],
          source: "dynamic",
          createdAt: now,
        },
      },
    );
    const starting = (program: string, place: string) => () =>
      runBench<FirstAnswer>(`first-answer-${program}.mjs`, [serverUrl, place]);
    const contenders = {
      "floor: a file, a header, fetch": starting("floor", file),
      "mcp-oauth-client": starting("ours", directory),
      "sdk 1 withOAuth": starting("sdk-v1", file),
      "sdk 2 withOAuth": starting("sdk-v2", file),
    };
    const samples = await interleave(ROUNDS, contenders);
    expect([...samples.values()].flat().filter(({ status }) => status !== 200)).toEqual([]);
    const time = (name: string): number => median((samples.get(name) ?? []).map(({ milliseconds }) => milliseconds));
    const floor = time("floor: a file, a header, fetch");
    printTable(
      `Process start to the first authorized answer, stored token, medians of ${ROUNDS}`,
      ["program", "ms", "× floor", "at most"],
      Object.keys(contenders).map((name) => [
        name,
        time(name).toFixed(1),
        (time(name) / floor).toFixed(2),
        name === "mcp-oauth-client" ? `1.15${time(name) <= 1.15 * floor ? "" : ", MISSED"}` : "",
      ]),
    );
  } finally {
    rmSync(folder, { recursive: true });
    server.close();
    server.closeAllConnections();
  }
});
