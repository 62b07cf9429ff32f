// A page that lists the tools of an MCP server as its user, without a server of its own:
//
//   npx vite examples/browser-spa        then open the URL that it prints
//
// The tokens are in this tab's sessionStorage and end with it. With localStorage they would be shared by all tabs, of which one
// refreshes for all. The MCP server and the authorization server have to allow the page's origin (CORS).
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createAuthClient, createAuthFetch, createWebStorageStore, isAuthError } from "mcp-oauth-client";

const auth = createAuthClient({
  clientMetadata: { client_name: "Example" },
  store: createWebStorageStore(sessionStorage),
});
const redirectUri = location.origin + location.pathname;

const form = document.querySelector("form");
const input = document.querySelector("input");
const status = document.querySelector("p");
const list = document.querySelector("ul");
const say = (text: string): void => status?.replaceChildren(text);

async function listTools(serverUrl: string): Promise<void> {
  const session = auth.session(serverUrl);
  const fetch = createAuthFetch(session, {
    // away to the authorization server; this page is loaded again when the user comes back
    onAuthorizationRequired: async ({ challenge }) => {
      const { authorizationUrl } = await session.startAuthorization({ redirectUri, challenge });
      location.assign(authorizationUrl);
      await new Promise(() => undefined);
    },
  });
  const client = new Client({ name: "browser-spa-example", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(serverUrl), { fetch }));
  const { tools } = await client.listTools();
  list?.replaceChildren(...tools.map(({ name }) => Object.assign(document.createElement("li"), { textContent: name })));
  say(`${tools.length} tools`);
  await client.close();
}

async function showFailure(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    say(isAuthError(error) ? `${error.code}: ${error.message}` : String(error));
  }
}

async function finishLogin(callbackUrl: string): Promise<void> {
  // out of the address first: neither a reload nor the back button gets at the code
  history.replaceState(null, "", redirectUri);
  const { session } = await auth.finishAuthorization(callbackUrl);
  if (input) input.value = session.serverUrl;
  await listTools(session.serverUrl);
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  void showFailure(listTools(input?.value ?? ""));
});
if (new URLSearchParams(location.search).has("state")) void showFailure(finishLogin(location.href));
