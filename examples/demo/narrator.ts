import { mkdirSync, writeFileSync } from "node:fs";
import type { RecordedRequest } from "../../test/peers/servers/recorded-request.ts";

/** One step of the story: what is done, and what it has to cost. */
export interface Step {
  readonly title: string;
  /** Does it, and says in a few words what came of it. */
  readonly act: () => Promise<string>;
  /** The result that `act` has to say. */
  readonly result: string;
  /** Every request of the host, in order: `PARTY METHOD PATH (OPERATION) STATUS`. */
  readonly requests: readonly string[];
  /** Whether the user's browser is needed. */
  readonly browser?: boolean;
}

export interface Narrator {
  readonly tell: (step: Step) => Promise<void>;
  /** Prints the outcome, leaves it in `file` and returns the exit code. */
  readonly end: (file: URL) => number;
}

const coloured = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
const paint = (code: number, text: string): string => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);
const dim = (text: string): string => paint(2, text);
const bold = (text: string): string => paint(1, text);
const red = (text: string): string => paint(31, text);
const green = (text: string): string => paint(32, text);

const PARTIES = { mcp_server: "mcp", authorization_server: "auth" } as const;

export function createNarrator(requests: readonly RecordedRequest[]): Narrator {
  let passed = 0;
  let failed = 0;

  return {
    async tell({ title, act, result, requests: expected, browser = false }) {
      const from = requests.length;
      let said: string;
      try {
        said = await act();
      } catch (error) {
        said = `failed: ${String(error)}`;
      }
      const all = requests.slice(from);
      const made = all.filter(({ by }) => by === "host");
      const browserNeeded = made.length < all.length;

      console.log(`\n${bold(`${passed + failed + 1}. ${title}`)}`);
      for (const line of rows(all)) console.log(`   ${line}`);
      const cost = `${made.length} ${made.length === 1 ? "request" : "requests"}`;
      console.log(`   ${said} ${dim(`(${cost})`)}`);

      const problems = [
        ...(said === result ? [] : [`the result should be: ${result}`]),
        ...(browserNeeded === browser ? [] : [`the browser should ${browser ? "" : "not "}be needed`]),
        ...differences(made.map(describe), expected),
      ];
      for (const problem of problems) console.log(red(`   ✗ ${problem}`));
      if (problems.length > 0) failed += 1;
      else passed += 1;
    },
    end(file) {
      const outcome = `${passed} passed, ${failed} failed, 0 skipped`;
      console.log(`\n${failed > 0 ? red(outcome) : green(outcome)}`);
      mkdirSync(new URL(".", file), { recursive: true });
      writeFileSync(file, `${JSON.stringify({ passed, failed, skipped: 0 })}\n`);
      return failed > 0 ? 1 : 0;
    },
  };
}

/** One line for a request of the host, one for all that the browser does in a row. */
function rows(requests: readonly RecordedRequest[]): string[] {
  const lines: string[] = [];
  let visits = 0;
  for (const [index, request] of requests.entries()) {
    if (request.by === "host") {
      lines.push(row(request));
      continue;
    }
    visits += 1;
    if (requests[index + 1]?.by === "browser") continue;
    lines.push(dim(`browser  ${visits} pages and redirects`));
    visits = 0;
  }
  return lines;
}

function row({ party, method, path, operation, status }: RecordedRequest): string {
  const what = operation === undefined ? path : `${path}  ${operation}`;
  const code = status < 400 ? String(status) : red(String(status));
  return `${PARTIES[party].padEnd(8)} ${method.padEnd(5)} ${what.padEnd(52)} ${code}`;
}

function describe({ party, method, path, operation, status }: RecordedRequest): string {
  return `${PARTIES[party]} ${method} ${path} ${operation === undefined ? "" : `(${operation}) `}${status}`;
}

function differences(made: readonly string[], expected: readonly string[]): string[] {
  const surplus = without(made, expected).map((request) => `this request should not be: ${request}`);
  const missing = without(expected, made).map((request) => `this request is missing: ${request}`);
  if (surplus.length + missing.length > 0) return [...surplus, ...missing];
  return made.join("\n") === expected.join("\n") ? [] : [`the order should be: ${expected.join(", ")}`];
}

function without(requests: readonly string[], others: readonly string[]): string[] {
  const rest = [...others];
  return requests.filter((request) => {
    const index = rest.indexOf(request);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}
