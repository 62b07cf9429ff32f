import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createFakeAuthServer } from "../../src/testing.js";
import { runFile } from "../support/run-file.ts";
import { startServedMcpServer } from "../support/served-mcp-server.ts";

const fileOf = (name: string): string => join(import.meta.dirname, "../../examples", name, "main.ts");

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "grants-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

it.each(["machine-to-machine", "enterprise-managed", "device-code"])("the example %s fits on a page", (name) => {
  expect(readFileSync(fileOf(name), "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(40);
});

it("the example of a machine signs for itself", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keyFile = join(temporaryFolder(), "key.pem");
  writeFileSync(keyFile, privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
  const server = await startServedMcpServer({
    clientCredentials: true,
    tokenEndpointAuthMethods: ["private_key_jwt"],
    clients: [{ client_id: "reports", jwks: { keys: [publicKey.export({ format: "jwk" })] } }],
  });
  onTestFinished(() => server.close());
  const env = { ISSUER: server.issuer, CLIENT_ID: "reports", KEY_FILE: keyFile };
  const program = runFile(fileOf("machine-to-machine"), { args: [server.serverUrl], env });

  expect(await program.exited, program.output()).toBe(0);
  expect(program.output()).toBe("read_notes\n");
  expect(server.counts).toMatchObject({ token: 1, registration: 0, authorization: 0 });

  const elsewhere = { ...env, ISSUER: `${server.issuer}/` };
  const refused = runFile(fileOf("machine-to-machine"), { args: [server.serverUrl], env: elsewhere });
  expect(await refused.exited).toBe(1);
  expect(refused.output()).toMatch(/^client_issuer_mismatch: /);
});

it("the example of an enterprise uses the sign-in of its user", async () => {
  let issuer = "";
  const idp = createFakeAuthServer({
    idJag: {
      // known once the MCP server listens
      get audiences() {
        return { [issuer]: "chat" };
      },
      subjectTokens: { "the ID token": "alice" },
    },
    clients: [{ client_id: "chat-sso", client_secret: "one" }],
  });
  const listener = await idp.listen();
  onTestFinished(() => listener.close());
  const server = await startServedMcpServer({
    identityProviders: [{ issuer: idp.issuer, keys: idp.signingKeys }],
    clients: [{ client_id: "chat", client_secret: "two" }],
  });
  onTestFinished(() => server.close());
  ({ issuer } = server);
  const folder = temporaryFolder();
  writeFileSync(join(folder, "id-token"), "the ID token");
  writeFileSync(
    join(folder, "settings.json"),
    JSON.stringify({
      issuer: server.issuer,
      client: { clientId: "chat", clientSecret: "two" },
      idp: { issuer: idp.issuer, tokenEndpoint: `${idp.issuer}/token`, clientId: "chat-sso", clientSecret: "one" },
    }),
  );
  const program = runFile(fileOf("enterprise-managed"), {
    args: [join(folder, "settings.json"), server.serverUrl],
    env: { ID_TOKEN_FILE: join(folder, "id-token") },
  });

  expect(await program.exited, program.output()).toBe(0);
  expect(program.output()).toBe("read_notes\n");
  expect(server.counts).toMatchObject({ token: 1, registration: 0, authorization: 0 });
});

it("the example of a device logs in with a code, and the next run finds the tokens", async () => {
  const server = await startServedMcpServer({ deviceAuthorization: { intervalMs: 1_000 } });
  onTestFinished(() => server.close());
  const env = { XDG_STATE_HOME: temporaryFolder() };
  const first = runFile(fileOf("device-code"), { args: [server.serverUrl], env });
  const [, userCode = ""] = /enter ([A-Z-]+)/.exec(await first.waitFor(/enter [A-Z-]+\n/)) ?? [];
  server.approveDevice(userCode);

  expect(await first.exited, first.output()).toBe(0);
  expect(first.output()).toMatch(/^Open http.* and enter .*\nread_notes\n$/);
  const second = runFile(fileOf("device-code"), { args: [server.serverUrl], env });
  expect(await second.exited, second.output()).toBe(0);
  expect(second.output()).toBe("read_notes\n");
  expect(server.counts).toMatchObject({ registration: 1, deviceAuthorization: 1, token: 1 });
});
