import type { BrowserContext, Page } from "playwright-core";

/** A page that has loaded the library. */
export async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForFunction(() => "lib" in globalThis);
  return page;
}
