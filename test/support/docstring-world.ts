// node docstring-world.ts FILE…: runs the function `example` of each file, one after the other, each with a server, a login and a user
// of its own, and prints which passed. Of the machine it uses loopback, an empty home and, where it is told, a Redis.
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import {
  createAuthClient,
  createAuthorizationRequest,
  createMemoryStore,
  discoverAuthServer,
  registerClient,
} from "mcp-oauth-client";
import { createFakeAuthServer } from "mcp-oauth-client/testing";
import { createMemoryStorage } from "./memory-storage.ts";

const REDIRECT = "http://127.0.0.1:8765/callback";
const print = console.log.bind(console);
/** Tests that an example declared. */
const bodies: (() => Promise<void>)[] = [];

for (const file of process.argv.slice(2)) {
  const fake = createFakeAuthServer({
    consentPage: false,
    deviceAuthorization: { intervalMs: 1_000 },
    registrationManagement: true,
  });
  const listener = await fake.listen();
  // the URL that the examples name is that of this server
  const own = `${file}.own.ts`;
  const text = readFileSync(file, "utf8").replaceAll("https://mcp.example.com/mcp", fake.serverUrl);
  writeFileSync(own, text.replaceAll("redis://localhost:6379", process.env["REDIS_URL"] ?? "redis://localhost:6379"));
  try {
    await provideGlobals(fake);
    // the user, who does what is printed
    console.log = (...values: unknown[]) => {
      const text = values.join(" ");
      const [, page] = /(http\S+\/authorize\S+)/.exec(text) ?? [];
      const [, userCode] = /enter (\S+)$/.exec(text) ?? [];
      // an opener may have been there before
      if (page !== undefined) fetch(page).catch(() => undefined);
      if (userCode !== undefined) fake.approveDevice(userCode);
    };
    const { example } = (await import(own)) as { readonly example: () => Promise<void> };
    await example();
    for (const body of bodies.splice(0)) await body();
    print(`passed ${file}`);
  } catch (error) {
    print(`failed ${file} ${String(error)}`);
  } finally {
    console.log = print;
    await listener.close();
  }
}
// what an example began and did not end, such as a connection of a transport
process.exit(0);

async function provideGlobals(fake: ReturnType<typeof createFakeAuthServer>): Promise<void> {
  const store = createMemoryStore();
  const session = createAuthClient({ clientMetadata: { client_name: "Example" }, store }).session(fake.serverUrl);
  const tokens = await session.authorize({ redirectUri: REDIRECT, interact: (url) => fake.approve(url) });
  const server = await discoverAuthServer(fake.serverUrl);
  const clientMetadata = { client_name: "Example", redirect_uris: [REDIRECT] };
  const registration = await registerClient(server, { clientMetadata });
  const { authorizationUrl, pending } = await createAuthorizationRequest(server, registration, {
    redirectUri: REDIRECT,
  });
  const callback = await fake.approve(authorizationUrl);
  const provided = {
    authorizationUrl,
    button: new EventTarget(),
    pending,
    registration,
    response: await fetch(fake.serverUrl, { method: "POST" }),
    server,
    session,
    store,
    tokens,
    location: { href: callback.href },
    history: { replaceState: () => undefined },
    open: () => null,
    close: () => undefined,
    sessionStorage: createMemoryStorage(),
    indexedDB: {},
    test: (_name: string, body: () => Promise<void>) => void bodies.push(body),
  };
  for (const [name, value] of Object.entries(provided)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}
