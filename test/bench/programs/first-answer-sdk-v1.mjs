// The SDK's own fetch middleware, its provider reading a file. node first-answer-sdk-v1.mjs URL FILE
import { readFileSync } from "node:fs";
import { withOAuth } from "@modelcontextprotocol/sdk/client/middleware.js";

const [serverUrl, file] = process.argv.slice(2);
const provider = { tokens: () => JSON.parse(readFileSync(file, "utf8")) };
const response = await withOAuth(provider, serverUrl)(fetch)(serverUrl);
await response.text();
console.log(JSON.stringify({ milliseconds: performance.now(), status: response.status }));
