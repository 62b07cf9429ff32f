import type { AnyAuthError, ServerMetadata } from "../index.js";
import { requirement, type Requirement, type RequirementName } from "./doctor-requirements.js";

/** `ok`: as it has to be. `warning`: a client copes. `error`: it does not work so. `info`: neither. */
export type Mark = "ok" | "warning" | "error" | "info";

/** Who has to mend it. `network`: nobody was reached. `user`: the person who was to log in. */
export type Party = "mcp_server" | "authorization_server" | "network" | "user";

/** One thing that was looked at. */
export interface Check {
  readonly mark: Mark;
  /** What was found, as a sentence. */
  readonly found: string;
  /** What was asked, when it was a request. */
  readonly method?: "GET" | "POST" | undefined;
  readonly url?: string | undefined;
  readonly status?: number | undefined;
  readonly requirements: readonly Requirement[];
  /** What a client does about it. */
  readonly client?: string | undefined;
}

/** Checks that belong together. */
export interface Section {
  readonly title: string;
  readonly checks: Check[];
}

/** What `doctor --json` prints; documented in docs/command.md. Holds no secret. */
export interface DoctorReport {
  readonly v: 1;
  readonly serverUrl: string;
  readonly verdict: "works" | "works_with_profile" | "broken";
  /** Whose fault it is that it is broken. */
  readonly fault: Party | null;
  /** The verdict as a sentence. */
  readonly summary: string;
  readonly loginNeeded: boolean;
  readonly issuer: string | null;
  /** What has to be allowed to this authorization server for it to work; `known`: by a row of `knownServers`. */
  readonly profile: { readonly issuer: string; readonly allow: readonly string[]; readonly known: boolean } | null;
  /** What a user has to bring along. */
  readonly needs: readonly "client_id"[];
  readonly sections: readonly Section[];
}

/** What is found so far. */
export interface Findings {
  readonly sections: Section[];
  /** The first thing that does not work, and whose fault it is. */
  failure: { readonly fault: Party; readonly summary: string } | undefined;
  server: ServerMetadata | undefined;
  loginNeeded: boolean;
  readonly needs: Set<"client_id">;
  /** What would have to be allowed, where no known row does. */
  readonly suggested: { assumeS256?: true; redirectHost?: "127.0.0.1" | "localhost" };
}

export const createFindings = (): Findings => ({
  sections: [],
  failure: undefined,
  server: undefined,
  loginNeeded: true,
  needs: new Set(),
  suggested: {},
});

interface CheckDetails extends Partial<Pick<Check, "method" | "url" | "status" | "client">> {
  readonly requirements?: readonly RequirementName[];
}

/** Adds checks to a section, which is made with the first of them. */
export type AddCheck = (mark: Mark, found: string, details?: CheckDetails) => void;

export function section(findings: Findings, title: string): AddCheck {
  return (mark, found, { requirements = [], ...details } = {}) => {
    let own = findings.sections.find((other) => other.title === title);
    if (own === undefined) findings.sections.push((own = { title, checks: [] }));
    own.checks.push({ mark, found, ...details, requirements: requirements.map(requirement) });
  };
}

/** Notes why it does not work; the first reason is the one that counts. */
export function fail(findings: Findings, fault: Party, summary: string): void {
  findings.failure ??= { fault, summary };
}

/** A failure of the library as a check, and as the verdict. */
export function failWith(
  findings: Findings,
  add: AddCheck,
  fault: Party,
  error: AnyAuthError,
  details?: CheckDetails,
): void {
  add("error", error.message, { client: "It gives up here.", ...details });
  fail(findings, fault, error.message);
}
