import { discoverAuthServer, isAuthError, parseAuthChallenge, requirementsOf } from "../index.js";
import type { AuthChallenge, AuthErrorCode, DiscoveryStep, ServerMetadata } from "../index.js";
import { fail, failWith, section } from "./doctor-report.js";
import type { Findings, Party } from "./doctor-report.js";
import type { ExamineOptions } from "./examine-options.js";
import { requestMcp } from "./examine-request.js";

/** What the MCP server said to a request without a token. */
export interface FirstAnswer {
  readonly status: number;
  readonly challenge: AuthChallenge | undefined;
}

/** Asks the MCP server without a token; `undefined` when there is no use in going on. */
export async function askWithoutToken(
  serverUrl: URL,
  options: ExamineOptions,
  findings: Findings,
): Promise<FirstAnswer | undefined> {
  const add = section(findings, `MCP server ${serverUrl.href}`);
  const at = { method: "POST", url: serverUrl.href } as const;
  options.onProgress?.(`Asking ${serverUrl.href}`);
  const outcome = await requestMcp(serverUrl, options);
  if (outcome.response === undefined) {
    add("error", outcome.reason, { ...at, client: "It reports this, and tries again later." });
    fail(findings, "network", outcome.reason);
    return undefined;
  }
  const { response, redirectedTo } = outcome;
  if (redirectedTo !== undefined) {
    add("warning", `redirects to ${redirectedTo}`, { client: "It follows within the origin; use that URL instead." });
  }
  const { status } = response;
  const asked = { ...at, status };
  const challenge = parseAuthChallenge(response);
  if (status >= 500 || status === 404 || status === 410) {
    const reason = `${serverUrl.href} answers ${status}${status < 500 ? ": there is no MCP server there" : ""}`;
    const client =
      status < 500 ? "It reports this. If the URL is wrong: it often ends in /mcp." : "It tries again later.";
    add("error", reason, { ...asked, client });
    fail(findings, "mcp_server", reason);
    return undefined;
  }
  if (status === 401) judgeChallenge(response, challenge, asked, add);
  else {
    findings.loginNeeded = false;
    const found = status < 300 ? "answers anybody" : `answers ${status} without asking for a login`;
    add("info", `${found}; whether it wants a login for more is seen from what it publishes`, asked);
  }
  return { status, challenge };
}

function judgeChallenge(
  response: Response,
  challenge: AuthChallenge | undefined,
  asked: { readonly method: "POST"; readonly url: string; readonly status: number },
  add: ReturnType<typeof section>,
): void {
  add("ok", "asks for a login", { ...asked, requirements: [12] });
  const client = "It looks at the well-known URLs instead.";
  if (!response.headers.has("www-authenticate")) {
    add("warning", "the answer has no WWW-Authenticate", { requirements: [12], client });
  } else if (challenge === undefined) {
    add("warning", "WWW-Authenticate has no challenge that can be read", { requirements: [12], client });
  } else if (challenge.resourceMetadataUrl === undefined) {
    add("info", "the challenge does not name the metadata", { requirements: [13], client });
  } else add("ok", `the challenge names the metadata: ${challenge.resourceMetadataUrl}`, { requirements: [13] });
  if (challenge?.scope !== undefined) {
    add("ok", `the challenge names the scope: ${challenge.scope}`, { requirements: [60] });
  }
}

/** Looks for the authorization server; `undefined` when there is none, or none that can be used. */
export async function discover(
  serverUrl: URL,
  { status, challenge }: FirstAnswer,
  { fetch, signal, profiles, onProgress }: ExamineOptions,
  findings: Findings,
): Promise<ServerMetadata | undefined> {
  const steps: DiscoveryStep[] = [];
  onProgress?.("Looking for its authorization server");
  try {
    const server = await discoverAuthServer(serverUrl, {
      fetch,
      signal,
      challenge,
      profiles,
      onStep: (step) => {
        steps.push(step);
        addStep(findings, step);
      },
    });
    if (server.source === "protected_resource") {
      findings.loginNeeded = true;
      return server;
    }
    const add = section(findings, TITLES.protected_resource_metadata);
    if (status !== 401) {
      add("ok", "publishes nothing about logins: none is needed");
      return undefined;
    }
    add("warning", "publishes no metadata: taken for a server of MCP revision 2025-03-26", {
      requirements: [11, 15],
      client: `Its origin ${server.issuer} is taken for the authorization server.`,
    });
    return server;
  } catch (error) {
    if (!isAuthError(error)) throw error;
    findings.loginNeeded = true;
    const fault = faultOf(steps, error.code);
    // the step that failed has said it, unless there was none
    const add = section(
      findings,
      fault === "mcp_server" ? TITLES.protected_resource_metadata : TITLES.authorization_server_metadata,
    );
    if (!steps.some(({ outcome }) => outcome === "failed" || outcome === "unusable")) {
      failWith(findings, add, fault, error, { requirements: fault === "mcp_server" ? [18] : [25] });
    } else fail(findings, fault, error.message);
    return undefined;
  }
}

const TITLES = {
  protected_resource_metadata: "Protected resource metadata",
  authorization_server_metadata: "Authorization server metadata",
} as const;

const REACTIONS: Readonly<Record<DiscoveryStep["outcome"], string | undefined>> = {
  used: undefined,
  absent: "It asks the next URL.",
  unusable: "It must not use this document, and asks the next URL.",
  failed: "It asks the next URL; without an answer it gives up, and keeps the tokens it has.",
};

/** Whether an issuer has a path decides where its metadata is. */
const NOT_WITHOUT_PATH = 27;
const NOT_WITH_PATH = 28;

function addStep(findings: Findings, step: DiscoveryStep): void {
  const { purpose, url, status, outcome, reason } = step;
  const hasPath = !/^\/\.well-known\/[^/]+$/.test(new URL(url).pathname);
  const requirements = requirementsOf(step).filter((id) => id !== (hasPath ? NOT_WITH_PATH : NOT_WITHOUT_PATH));
  const title = TITLES[purpose as keyof typeof TITLES];
  const mark = ({ used: "ok", absent: "info", unusable: "error", failed: "error" } as const)[outcome];
  const found =
    outcome === "absent" ? `nothing here (${reason})` : outcome === "used" ? "a document that can be used" : reason;
  section(findings, title)(mark, found, { method: "GET", url, status, requirements, client: REACTIONS[outcome] });
}

/** Whose document was looked for when it ended. An authorization server by http is the fault of whoever named it. */
function faultOf(steps: readonly DiscoveryStep[], code: AuthErrorCode): Party {
  if (code === "insecure_url") return "mcp_server";
  const last = steps.at(-1);
  const foundResource = steps.some(
    ({ purpose, outcome }) => purpose === "protected_resource_metadata" && outcome === "used",
  );
  return last?.purpose === "authorization_server_metadata" && foundResource ? "authorization_server" : "mcp_server";
}
