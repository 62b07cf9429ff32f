import { expect, it } from "vitest";
import { createHome, leftIn } from "./support/home.ts";
import { runCommand, startCommand } from "./support/run-command.ts";
import { callWith, serveMcp } from "./support/servers.ts";
import { CTRL_C, masked, startInTerminal } from "./support/terminal.ts";

const DEVICE = { deviceAuthorization: { intervalMs: 1_000 } } as const;
const CODE = /enter (\S+)\s+there[^]*Waiting for that/;

it("a person logs in on another device, by a code", async () => {
  const home = createHome();
  const server = await serveMcp(DEVICE);
  const login = startInTerminal(home, ["login", "--device", server.serverUrl]);
  const [, code = ""] = await login.waitFor(CODE);
  expect(home.opened()).toBeUndefined();
  server.approveDevice(code);
  expect(await login.exited, login.screen()).toBe(0);
  await expect(masked(login.screen()).replaceAll(code, "CODE")).toMatchFileSnapshot("screens/login-by-device.txt");
  const token = await runCommand(home, ["token", server.serverUrl]);
  expect(await callWith(server.serverUrl, token.stdout.trim())).toBe(200);
});

it("a code that is refused: exit code 1, and nothing is kept", async () => {
  const home = createHome();
  const server = await serveMcp(DEVICE);
  const login = startCommand(home, ["login", "--device", server.serverUrl]);
  const [, code = ""] = await login.waitFor(CODE);
  server.denyDevice(code);
  expect(await login.exited).toBe(1);
  expect(login.stderr()).toContain("allow the access");
  expect((await runCommand(home, ["status", server.serverUrl])).code).toBe(3);
});

it("a server without such logins is told apart before anything is registered there", async () => {
  const server = await serveMcp();
  const { code, stderr } = await runCommand(createHome(), ["login", "--device", server.serverUrl]);
  expect(code).toBe(1);
  expect(stderr).toContain(`"${server.issuer}" has no login by device code`);
  expect(stderr).toContain("Leave out --device");
  expect(server.counts.registration).toBe(0);
});

it("Ctrl-C while the code waits leaves no lock", async () => {
  const home = createHome();
  const server = await serveMcp(DEVICE);
  const login = startInTerminal(home, ["login", "--device", server.serverUrl]);
  await login.waitFor(CODE);
  login.type(CTRL_C);
  expect(await login.exited).toBe(130);
  expect(leftIn(home).filter((name) => !name.endsWith(".json"))).toEqual([]);
});
