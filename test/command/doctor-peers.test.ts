import { expect, it, onTestFinished } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor-report.js";
import { DJANGO_CLIENTS, startDjangoOAuthToolkitPeer } from "../peers/servers/django-oauth-toolkit-peer.ts";
import { startFastMcpPeer } from "../peers/servers/fastmcp-peer.ts";
import { createScriptedBrowser } from "../support/scripted-browser.ts";
import { describeWithService } from "../support/service.ts";
import { createHome, leftIn } from "./support/home.ts";
import { runCommand, startCommand } from "./support/run-command.ts";

/** Examines a server to the end of a login. */
async function logIn(serverUrl: string, ...flags: readonly string[]): Promise<DoctorReport> {
  const home = createHome();
  const doctor = startCommand(home, ["doctor", "--login", "--json", "--no-browser", ...flags, serverUrl]);
  await createScriptedBrowser().open(await doctor.url());
  expect(await doctor.exited, doctor.stderr()).toBe(0);
  expect(leftIn(home)).toEqual([]);
  return JSON.parse(doctor.stdout()) as DoctorReport;
}

const titlesOf = ({ sections }: DoctorReport): readonly string[] => sections.map(({ title }) => title);
const marksOf = ({ sections }: DoctorReport): readonly string[] =>
  sections.flatMap(({ checks }) => checks.map(({ mark }) => mark));

it("FastMCP's proxy before oidc-provider, to the end of a login with a user: works", async () => {
  const peer = await startFastMcpPeer();
  onTestFinished(() => peer.close());
  const report = await logIn(peer.serverUrl);

  expect(report).toMatchObject({ verdict: "works", fault: null, issuer: peer.issuer, profile: null, needs: [] });
  expect(titlesOf(report)).toContain("Refresh");
  expect(marksOf(report)).not.toContain("error");
});

describeWithService("django-oauth-toolkit", "DJANGO_URL", (djangoUrl) => {
  async function start() {
    const peer = await startDjangoOAuthToolkitPeer(djangoUrl);
    onTestFinished(() => peer.close());
    const { serverUrl, issuer } = peer;
    const verdict = {
      verdict: "works_with_profile",
      fault: null,
      issuer,
      profile: { issuer, allow: ["assumeS256"], known: false },
    };
    return { serverUrl, verdict };
  }

  it("works with a profile, and with the id of a client that was made by hand", async () => {
    const { serverUrl, verdict } = await start();
    const { code, stdout } = await runCommand(createHome(), ["doctor", "--json", serverUrl]);
    const report = JSON.parse(stdout) as DoctorReport;

    expect(report).toMatchObject({ ...verdict, needs: ["client_id"] });
    expect(marksOf(report)).not.toContain("error");
    expect(code).toBe(0);
  });

  it("works with the profile to the end of a login with a user, as a client that was made by hand", async () => {
    const { serverUrl, verdict } = await start();
    const report = await logIn(serverUrl, "--client-id", DJANGO_CLIENTS.desktop.clientId);

    expect(report).toMatchObject({ ...verdict, needs: [] });
    expect(titlesOf(report)).toContain("Refresh");
    expect(marksOf(report)).not.toContain("error");
  });
});
