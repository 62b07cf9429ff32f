// The scenarios in workerd: answers any request with what came of them.
import { runScenarios } from "./portable.mjs";

export default {
  fetch: async () => Response.json(await runScenarios()),
};
