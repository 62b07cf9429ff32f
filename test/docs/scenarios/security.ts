import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FetchLike } from "mcp-oauth-client";
import { expect, onTestFinished } from "vitest";
import { serve } from "../../support/serve.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import type { Scenario } from "./scenario.ts";

/** The undici that Node has within it. */
const UNDICI = `
await globalThis.fetch("data:,");
const [name] = Object.getOwnPropertySymbols(globalThis).filter(({ description }) => /^undici\\.globalDispatcher/.test(description));
export const Agent = globalThis[name].constructor;
export const fetch = globalThis.fetch;
`;

export const security: Readonly<Record<string, Scenario>> = {
  async "SECURITY.md › What the host has to see to"(load) {
    const undici = join(temporaryFolder(), "undici.mjs");
    writeFileSync(undici, UNDICI);
    const { publicFetch, isAllowed } = await load<{ publicFetch: FetchLike; isAllowed: (url: URL) => boolean }>({
      '"undici"': JSON.stringify(undici),
    });
    for (const url of ["https://10.0.0.1/", "https://[::1]/", "http://mcp.example.com/", "https://2130706433/"]) {
      expect(isAllowed(new URL(url)), url).toBe(false);
    }
    expect(isAllowed(new URL("https://mcp.example.com/"))).toBe(true);

    const asked: string[] = [];
    const inside = await serve(() => async ({ url }) => {
      asked.push(url);
      return new Response();
    });
    onTestFinished(() => inside.close());
    // a name of the machine itself, as a name in the DNS of somebody else may be
    const url = inside.origin.replace("127.0.0.1", "localhost");
    await expect(publicFetch(url)).rejects.toMatchObject({ cause: { message: "localhost is not a public host" } });
    expect(asked).toEqual([]);
  },
};
