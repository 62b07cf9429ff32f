import { sha256 } from "../platform.js";

/** HTML in which everything that came from elsewhere is escaped. */
export interface Html {
  readonly html: string;
}

/** Makes HTML of a template: texts are escaped, what is HTML already is not. */
export function markup(parts: TemplateStringsArray, ...values: readonly (string | Html | readonly Html[])[]): Html {
  const filled = values.map((value) =>
    typeof value === "string"
      ? escape(value)
      : [value]
          .flat()
          .map((one) => one.html)
          .join(""),
  );
  return { html: String.raw({ raw: parts }, ...filled) };
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");

const STYLE = `
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;padding:8vh 1.25rem 2rem;max-width:27rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}
fieldset{border:1px solid color-mix(in srgb,currentColor 30%,transparent);border-radius:.5rem;margin:1.25rem 0;padding:.5rem 1rem .75rem}
legend{font-weight:600;padding:0 .25rem}
label{display:block;padding:.2rem 0}
input[type=text]{box-sizing:border-box;display:block;font:inherit;padding:.5rem;width:100%}
button{border:1px solid currentColor;border-radius:.5rem;cursor:pointer;font:inherit;margin:0 .5rem 0 0;min-width:7rem;padding:.6rem 1rem}
button[value=allow],button.next{background:#0a5fb4;border-color:#0a5fb4;color:#fff}
:focus-visible{outline:3px solid #0a5fb4;outline-offset:2px}
code{overflow-wrap:anywhere}
.code{font-size:1.75rem;letter-spacing:.15em}
footer{font-size:.875rem;margin-top:2.5rem;opacity:.75}
`;

/** A page of the server: plain, and without anything from elsewhere. */
export async function page(status: number, title: string, main: Html): Promise<Response> {
  const document = markup`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${{ html: STYLE }}</style>
<main>
<h1>${title}</h1>
${main}
</main>
<footer>A fake authorization server, for tests. There is no account behind it.</footer>
</html>
`;
  return new Response(document.html, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      // no form-action: browsers apply it to the redirect as well, and that one goes wherever the client is
      "content-security-policy": `default-src 'none'; style-src 'sha256-${await sha256(STYLE)}'; base-uri 'none'; frame-ancestors 'none'`,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    },
  });
}
