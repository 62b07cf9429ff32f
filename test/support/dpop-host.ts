import { decodeJwt, decodeProtectedHeader } from "jose";
import type { AuthClientOptions } from "../../src/index.js";
import { createDpop } from "../../src/index.js";
import type { FakeAuthServer, FakeAuthServerOptions, FakeEndpoint, RecordedRequest } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { createHost, type Host } from "./host.js";

export const NOW = 1_800_000_000_000;

export const createServer = (options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({ now: () => NOW, dpop: { required: true }, ...options });

export const createDpopHost = (
  server: FakeAuthServer,
  { dpop, ...options }: Partial<AuthClientOptions> & { dpop?: AuthClientOptions["dpop"] } = {},
): Host => createHost(server, { dpop: dpop ?? createDpop(), ...options });

export const receivedBy = (server: FakeAuthServer, endpoint: FakeEndpoint): readonly RecordedRequest[] =>
  server.requests.filter((request) => request.endpoint === endpoint);

export const proofOf = (request: RecordedRequest | undefined) => {
  const proof = request?.headers["dpop"] ?? "";
  return { header: decodeProtectedHeader(proof), claims: decodeJwt(proof) };
};

export const keysIn = (store: Map<string, string>): string[] =>
  [...store.keys()].filter((key) => key.startsWith("v1:dpop:"));
