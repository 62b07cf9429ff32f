import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { makePages } from "../../../src/callback-server/callback-page.js";

it("allows exactly the style of its own pages [spec-88]", () => {
  const { html, headers } = makePages(undefined);
  for (const page of Object.values(html)) {
    const style = /<style>(.*)<\/style>/.exec(page)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    expect(headers["Content-Security-Policy"]).toContain(`style-src 'sha256-${hash}'`);
    expect(page).toMatch(/^[ -~]+$/);
  }
});
