import { editJson } from "./named-fault.js";
import type { Reaction } from "./named-fault.js";
import { json } from "./oauth-refusal.js";

/** An answer that a server is made to give: in place of its own with `body`, else its own with changes. @public */
export interface FakeAnswer {
  /** The status of the answer.
   * @defaultValue 200 with `body`, else that of the server */
  readonly status?: number | undefined;
  /** Headers to change; `undefined` removes one. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  /** What is answered by a server that does nothing else: text as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Members to change in the JSON of a good answer; `undefined` removes one. */
  readonly members?: Readonly<Record<string, unknown>> | undefined;
}

/** A reaction that answers so. */
export const answering =
  ({ status, headers = {}, body, members }: FakeAnswer): Reaction =>
  async (_request, answer) => {
    const given = body === undefined ? await answer() : json(200, body);
    const edited = members === undefined ? given : await editJson(given, (known) => ({ ...known, ...members }));
    const content = typeof body === "string" ? body || null : edited.body;
    const changed = new Headers(edited.headers);
    for (const [name, value] of Object.entries(headers)) {
      if (value === undefined) changed.delete(name);
      else changed.set(name, value);
    }
    return new Response(content, { status: status ?? edited.status, headers: changed });
  };
