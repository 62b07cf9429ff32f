// The file store, a session and its fetch. node first-answer-ours.mjs URL DIRECTORY
import { createAuthClient, createAuthFetch } from "mcp-oauth-client";
import { createFileStore } from "mcp-oauth-client/node";

const [serverUrl, directory] = process.argv.slice(2);
const client = createAuthClient({ clientMetadata: { client_name: "Bench" }, store: createFileStore({ directory }) });
const response = await createAuthFetch(client.session(serverUrl))(serverUrl);
await response.text();
console.log(JSON.stringify({ milliseconds: performance.now(), status: response.status }));
