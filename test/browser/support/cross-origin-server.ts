import { createFakeAuthServer, type FakeAuthServer, type FakeAuthServerOptions } from "../../../src/testing.js";

export interface CrossOriginServer extends FakeAuthServer {
  close(): Promise<void>;
}

/** The fake server on loopback, for scripts of other origins. Whoever opens an authorization URL has consented. */
export async function startCrossOriginServer(options: FakeAuthServerOptions = {}): Promise<CrossOriginServer> {
  const server = createFakeAuthServer({ issuer: "https://auth.example.com/auth", consentPage: false, ...options });
  const listener = await server.listen();
  // with the addresses that it has from now on
  return { ...server, close: () => listener.close() };
}
