// A client that knows nothing of the test kit: the official SDK's, with its own OAuth and the global fetch.
import { Client, StreamableHTTPClientTransport, type OAuthClientProvider } from "@modelcontextprotocol/client";

const REDIRECT = "http://127.0.0.1:8976/callback";

/** Connects to an MCP server; `askUser` gets the authorization URL and resolves to the callback URL. */
export async function connectToNotes(serverUrl: string, askUser: (url: URL) => Promise<URL>): Promise<Client> {
  let callback: Promise<URL> | undefined;
  const authProvider = createProvider((url) => (callback = askUser(url)));
  const client = new Client({ name: "notes", version: "1.0.0" });
  const transport = () => new StreamableHTTPClientTransport(new URL(serverUrl), { authProvider });
  try {
    await client.connect(transport());
  } catch (error) {
    if (callback === undefined) throw error;
    await transport().finishAuth((await callback).searchParams);
    await client.connect(transport());
  }
  return client;
}

/** The memory that the SDK wants: one variable for each of its pairs of functions. */
function createProvider(redirect: (url: URL) => unknown): OAuthClientProvider {
  const held: Record<string, never> = {};
  const keep = (name: string) => (value: unknown) => void (held[name] = value as never);
  return {
    redirectUrl: REDIRECT,
    clientMetadata: { client_name: "Notes", redirect_uris: [REDIRECT] },
    redirectToAuthorization: (url) => void redirect(url),
    clientInformation: () => held["client"],
    saveClientInformation: keep("client"),
    tokens: () => held["tokens"],
    saveTokens: keep("tokens"),
    codeVerifier: () => held["verifier"] as unknown as string,
    saveCodeVerifier: keep("verifier"),
    discoveryState: () => held["discovery"],
    saveDiscoveryState: keep("discovery"),
  };
}
