import { discoverAuthServer } from "mcp-oauth-client";

console.log(await discoverAuthServer("https://mcp.example.com/mcp"));
