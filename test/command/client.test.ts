import { expect, it } from "vitest";
import { createHome, later } from "./support/home.ts";
import { runCommand, startCommand } from "./support/run-command.ts";
import { HOUR_MS, serveMcp, visit } from "./support/servers.ts";
import { CTRL_C, masked, startInTerminal } from "./support/terminal.ts";

const SECRET = "correct-horse-battery";
const WITH_SECRET = {
  registration: "none",
  clients: [{ client_id: "app", client_secret: SECRET, redirect_uris: ["http://127.0.0.1/callback"] }],
} as const;
const ENV = { MCP_OAUTH_CLIENT_SECRET: SECRET };

it("a person with a client that has a secret types it unseen, once, and has a login that is renewed", async () => {
  const home = createHome();
  const server = await serveMcp(WITH_SECRET);
  const login = startInTerminal(home, ["login", "--client-id", "app", "--ask-secret", server.serverUrl]);
  const [, issuer] = await login.waitFor(/Secret of the client app at (\S+):/);
  expect(issuer).toBe(server.issuer);
  login.type(SECRET);
  await login.waitFor(/[•▪*]{10}/);
  expect(login.screen()).not.toContain(SECRET);
  login.type("\r");
  await visit(await login.url());
  expect(await login.exited, login.screen()).toBe(0);
  await expect(masked(login.screen())).toMatchFileSnapshot("screens/login-with-a-secret.txt");

  server.advance(2 * HOUR_MS);
  expect(await runCommand(home, ["token", server.serverUrl], { env: later(2 * HOUR_MS) })).toMatchObject({ code: 0 });
  expect(server.counts).toMatchObject({ refresh: 1, registration: 0 });
});

it("Ctrl-C at the question for the secret ends the login", async () => {
  const server = await serveMcp(WITH_SECRET);
  const login = startInTerminal(createHome(), ["login", "--client-id", "app", "--ask-secret", server.serverUrl]);
  await login.waitFor(/Secret of the client/);
  login.type(CTRL_C);
  expect(await login.exited).toBe(130);
});

it.each([
  ["by its environment", { env: ENV }, []],
  ["on stdin", { stdin: "open" }, ["--ask-secret"]],
] as const)("a script hands the secret over %s, and names where it belongs", async (_, options, flags) => {
  const home = createHome();
  const server = await serveMcp(WITH_SECRET);
  const given = ["--client-id", "app", "--issuer", server.issuer, ...flags];
  const login = startCommand(home, ["login", ...given, server.serverUrl], options);
  if ("stdin" in options) {
    await login.waitFor(/Secret of the client app/);
    login.write(`${SECRET}\n`);
  }
  await visit(await login.url());
  expect(await login.exited).toBe(0);
  const status = await runCommand(home, ["status", server.serverUrl]);
  expect(status.stdout).toContain("app (given by you)");
  for (const text of [status.stdout, login.stdout(), login.stderr()]) expect(text).not.toContain(SECRET);
});

it("a secret goes to no authorization server that was not named, nor to another than was", async () => {
  const home = createHome();
  const server = await serveMcp(WITH_SECRET);
  const unnamed = await runCommand(home, ["login", "--client-id", "app", server.serverUrl], { env: ENV });
  expect(unnamed).toMatchObject({ code: 2, stdout: "" });
  expect(unnamed.stderr).toContain(`add --issuer ${server.issuer}`);

  const other = ["--client-id", "app", "--issuer", "https://auth.example.com"];
  const elsewhere = await runCommand(home, ["login", ...other, server.serverUrl], { env: ENV });
  expect(elsewhere).toMatchObject({ code: 1, stdout: "" });
  expect(elsewhere.stderr).toContain("nothing was sent");

  const alone = await runCommand(home, ["login", "--ask-secret", server.serverUrl]);
  expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining("--ask-secret needs --client-id") as string });
  const closed = ["--client-id", "app", "--ask-secret", "--issuer", server.issuer];
  const silent = await runCommand(home, ["login", ...closed, server.serverUrl]);
  expect(silent).toMatchObject({ code: 2, stderr: expect.stringContaining("no secret on standard input") as string });
  expect(server.counts).toMatchObject({ authorization: 0, token: 0 });
});

it("whoever leaves the secret out is told how to give it", async () => {
  const server = await serveMcp(WITH_SECRET);
  const login = startCommand(createHome(), ["login", "--client-id", "app", server.serverUrl]);
  await visit(await login.url());
  expect(await login.exited).toBe(1);
  expect(login.stderr()).toContain("--ask-secret");
});

it("the doctor logs in with a secret, too, and prints it nowhere", async () => {
  const server = await serveMcp(WITH_SECRET);
  const given = ["--client-id", "app", "--issuer", server.issuer];
  const doctor = startCommand(createHome(), ["doctor", "--login", "--json", ...given, server.serverUrl], { env: ENV });
  await visit(await doctor.url());
  expect(await doctor.exited, doctor.stderr()).toBe(0);
  expect(JSON.parse(doctor.stdout())).toMatchObject({ verdict: "works", needs: [] });
  expect(server.counts).toMatchObject({ token: 1, refresh: 1, registration: 0 });
  expect(doctor.stdout() + doctor.stderr()).not.toContain(SECRET);
});
