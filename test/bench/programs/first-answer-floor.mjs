// The least there is: a token from a file, one header, one request. node first-answer-floor.mjs URL FILE
import { readFileSync } from "node:fs";

const [serverUrl, file] = process.argv.slice(2);
const tokens = JSON.parse(readFileSync(file, "utf8"));
const response = await fetch(serverUrl, { headers: { Authorization: `Bearer ${tokens.access_token}` } });
await response.text();
console.log(JSON.stringify({ milliseconds: performance.now(), status: response.status }));
