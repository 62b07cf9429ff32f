import { registerClient, type ServerMetadata } from "mcp-oauth-client";

export const register = (server: ServerMetadata) =>
  registerClient(server, {
    clientMetadata: { client_name: "Program", redirect_uris: ["https://app.example.com/callback"] },
  });
