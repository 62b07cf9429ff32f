// A process of the same host that starts with nothing but the directory of the store.
import { callTool, connect, openSession } from "./host.ts";

const [directory = "", serverUrl = ""] = process.argv.slice(2);
const mcp = await connect(openSession(directory, serverUrl));
console.log(await callTool(mcp, "whoami"));
await mcp.close();
