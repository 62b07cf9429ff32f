import { createFindings } from "./doctor-report.js";
import type { DoctorReport, Findings } from "./doctor-report.js";
import { examineAuthorizationRequest, examineRegistration } from "./examine-client.js";
import { askWithoutToken, discover } from "./examine-discovery.js";
import { examineDocuments } from "./examine-documents.js";
import type { ExamineOptions } from "./examine-options.js";

/** Goes the way that every MCP client goes to a server, and notes each step. */
export async function examineServer(serverUrl: URL, options: ExamineOptions = {}): Promise<DoctorReport> {
  const findings = createFindings();
  await examine(serverUrl, options, findings);
  return toReport(serverUrl, findings);
}

async function examine(serverUrl: URL, options: ExamineOptions, findings: Findings): Promise<void> {
  const answer = await askWithoutToken(serverUrl, options, findings);
  if (answer === undefined) return;
  const discovered = await discover(serverUrl, answer, options, findings);
  if (discovered === undefined) return;
  findings.server = discovered;
  examineDocuments(findings, discovered);
  const client = await examineRegistration(discovered, options, findings);
  const server = await examineAuthorizationRequest(discovered, client, findings);
  if (!client.isKnown || findings.failure !== undefined) return;
  const { registration, redirectUri } = client;
  await options.logIn?.(findings, { server, registration, redirectUri, challenge: answer.challenge });
}

/** What a known row allows that changes how a client goes about it. */
const allowedBy = ({ server }: Findings): readonly string[] =>
  Object.entries(server?.allowances ?? {}).flatMap(([name, value]) =>
    value === undefined || name === "registrationHint" ? [] : [name],
  );

function toReport(serverUrl: URL, findings: Findings): DoctorReport {
  const { server, failure, sections, loginNeeded, suggested } = findings;
  const known = allowedBy(findings);
  const allow = [...known, ...Object.keys(suggested)];
  const needs = [...findings.needs];
  const isWithProfile = failure === undefined && allow.length > 0;
  return {
    v: 1,
    serverUrl: serverUrl.href,
    verdict: failure !== undefined ? "broken" : isWithProfile ? "works_with_profile" : "works",
    fault: failure?.fault ?? null,
    summary: failure?.summary ?? summaryOf(loginNeeded, allow, needs.length > 0),
    loginNeeded,
    issuer: server?.issuer ?? null,
    profile:
      server !== undefined && isWithProfile
        ? { issuer: server.issuer, allow, known: allow.length === known.length }
        : null,
    needs,
    sections,
  };
}

function summaryOf(loginNeeded: boolean, allow: readonly string[], needsClient: boolean): string {
  if (!loginNeeded) return "no login is needed";
  const how =
    allow.length > 0 ? `a client can log in that allows this server ${allow.join(", ")}` : "a client can log in";
  return needsClient ? `${how}, with the id of a client that was registered by hand` : how;
}
