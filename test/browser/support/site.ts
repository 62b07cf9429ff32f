import { build } from "esbuild";
import { serve, type Served } from "../../support/serve.ts";

/**
 * A site of one empty page, at every path, with the library in `lib`. The page at `/callback` completes popups; the worker
 * at `/worker.js` runs the functions that it is sent as text, and answers with what comes of them.
 */
export async function startSite(): Promise<Served> {
  const { outputFiles } = await build({
    entryPoints: [`${import.meta.dirname}/lib.ts`],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
  });
  const script = outputFiles[0]?.text ?? "";
  const pages: Partial<Record<string, () => Response>> = {
    "/lib.js": () => javascript(script),
    "/worker.js": () =>
      javascript(`import "/lib.js"; onmessage = async ({ data }) => postMessage(await (0, eval)(data)());`),
    "/callback": () => html(`import "/lib.js"; lib.completePopup();`),
  };
  return await serve(
    () =>
      async ({ url }) =>
        (pages[new URL(url).pathname] ?? (() => html(`import "/lib.js";`)))(),
  );
}

const javascript = (script: string): Response =>
  new Response(script, { headers: { "content-type": "text/javascript" } });

const html = (script: string): Response =>
  new Response(`<!doctype html><title>test</title><script type="module">${script}</script>`, {
    headers: { "content-type": "text/html; charset=utf-8" },
  });
