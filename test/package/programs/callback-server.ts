import { startCallbackServer } from "mcp-oauth-client";

const server = await startCallbackServer();
console.log(await server.waitForCallback({ state: "state" }));
