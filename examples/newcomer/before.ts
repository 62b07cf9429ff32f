// A program without a login, as it was before the lines that README.md adds to it.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const url = new URL("https://mcp.example.com/mcp");
const client = new Client({ name: "notes", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(url));
console.log(await client.callTool({ name: "read_notes", arguments: {} }));
await client.close();
