import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor-report.js";
import { startOidcProviderPeer } from "../peers/servers/oidc-provider-peer.ts";
import { startSdkExamplePeer } from "../peers/servers/sdk-example-peer.ts";
import { startSdkRouterPeer } from "../peers/servers/sdk-router-peer.ts";
import { startWorkersOAuthProviderPeer } from "../peers/servers/workers-oauth-provider-peer.ts";
import { createScriptedBrowser } from "../support/scripted-browser.ts";
import { createHome, leftIn } from "./support/home.ts";
import { runCommand, startCommand } from "./support/run-command.ts";
import { serveMcp, visit } from "./support/servers.ts";
import { masked, startInTerminal } from "./support/terminal.ts";

/** The report of docs/command.md, which says what each member is. */
function documentedReport(): DoctorReport {
  const page = readFileSync(join(import.meta.dirname, "../../docs/command.md"), "utf8");
  const block = /^## doctor$[^]*?^```json\n([^]*?)^```$/m.exec(page)?.[1] ?? "";
  return JSON.parse(block) as DoctorReport;
}

it("a good server: a tree, and that it works", async () => {
  const home = createHome();
  const { serverUrl } = await serveMcp();
  const doctor = startInTerminal(home, ["doctor", serverUrl]);
  expect(await doctor.exited).toBe(0);
  await expect(masked(doctor.screen())).toMatchFileSnapshot("screens/doctor-works.txt");
  expect(leftIn(home)).toEqual([]);
});

it("a server whose authorization server has another name: what is wrong, the requirement, and whose fault it is", async () => {
  const home = createHome();
  const server = await serveMcp({ authorizationServerMetadata: { issuer: "https://other.example.com" } });
  const doctor = startInTerminal(home, ["doctor", server.serverUrl]);
  expect(await doctor.exited).toBe(1);
  await expect(masked(doctor.screen())).toMatchFileSnapshot("screens/doctor-broken.txt");
});

it("a server that clients cannot register at, in 40 columns", async () => {
  const home = createHome();
  const server = await serveMcp({ registration: "none", clients: [{ client_id: "by-hand" }] });
  const doctor = startInTerminal(home, ["doctor", server.serverUrl], { columns: 40 });
  expect(await doctor.exited).toBe(0);
  await expect(masked(doctor.screen())).toMatchFileSnapshot("screens/doctor-40-columns.txt");
});

it("JSON for programs, without a secret, to the end of a login", async () => {
  const home = createHome();
  const server = await serveMcp();
  const doctor = startCommand(home, ["doctor", "--login", "--json", server.serverUrl]);
  await visit(await doctor.url());
  expect(await doctor.exited).toBe(0);
  const report = JSON.parse(doctor.stdout()) as DoctorReport;
  expect(report).toMatchObject({ v: 1, verdict: "works", fault: null, loginNeeded: true, profile: null, needs: [] });
  expect(report.sections.map(({ title }) => title).slice(1)).toEqual([
    "Protected resource metadata",
    "Authorization server metadata",
    "Client registration",
    "Authorization request",
    "Login",
    "Use of the access token",
    "Refresh",
    "Use of the new access token",
    "Revocation",
  ]);
  const documented = documentedReport();
  expect(Object.keys(report)).toEqual(Object.keys(documented));
  const members = new Set(report.sections.flatMap(({ checks }) => checks.flatMap((check) => Object.keys(check))));
  expect([...members].sort()).toEqual(Object.keys(documented.sections[0]?.checks[0] ?? {}).sort());
  const written = doctor.stdout();
  expect(written).not.toMatch(/access_token-|refresh_token-|code-|secret-/);
  expect(written).not.toMatch(/code_verifier|code_challenge=|state=/);
  expect(leftIn(home)).toEqual([]);
});

it("a server that does not return the state is told from a user who does not come", async () => {
  const server = await serveMcp({ faults: [{ fault: "missing_state" }] });
  const doctor = startCommand(createHome(), ["doctor", "--login", "--json", "--timeout", "5", server.serverUrl]);
  await visit(await doctor.url());
  expect(await doctor.exited).toBe(1);
  expect(JSON.parse(doctor.stdout())).toMatchObject({ verdict: "broken", fault: "authorization_server" });
});

it("workers-oauth-provider, to the end of a login with a user: works", async () => {
  const peer = await startWorkersOAuthProviderPeer();
  onTestFinished(() => peer.close());
  const doctor = startCommand(createHome(), ["doctor", "--login", "--json", "--no-browser", peer.serverUrl]);
  await createScriptedBrowser().open(await doctor.url());
  expect(await doctor.exited, doctor.stderr()).toBe(0);
  const report = JSON.parse(doctor.stdout()) as DoctorReport;
  expect(report).toMatchObject({ verdict: "works", fault: null });
  expect(report.sections.map(({ title }) => title)).toContain("Refresh");
});

it("Ctrl-C in the login of an examination ends it", async () => {
  const server = await serveMcp();
  const doctor = startInTerminal(createHome(), ["doctor", "--login", server.serverUrl]);
  await doctor.url();
  doctor.type("\u0003");
  expect(await doctor.exited).toBe(130);
});

it.each([
  ["oidc-provider", startOidcProviderPeer],
  ["the SDK's mcpAuthRouter", startSdkRouterPeer],
  ["the SDK's example server", startSdkExamplePeer],
  ["workers-oauth-provider in workerd", startWorkersOAuthProviderPeer],
])("%s: works", async (_name, start) => {
  const peer = await start();
  onTestFinished(() => peer.close());
  const { code, stdout } = await runCommand(createHome(), ["doctor", "--json", peer.serverUrl]);
  const report = JSON.parse(stdout) as DoctorReport;
  expect(report).toMatchObject({ verdict: "works", fault: null, issuer: peer.issuer, loginNeeded: true });
  expect(report.sections.flatMap(({ checks }) => checks).filter(({ mark }) => mark === "error")).toEqual([]);
  expect(code).toBe(0);
});
