import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { nodeProcess as process } from "./builtins.js";
import type { CommandContext } from "./command-context.js";
import { EXIT, Interrupted } from "./command-error.js";
import { completionScript, type CompletedCommand, type Shell } from "./completion.js";
import { describeFailure } from "./describe-failure.js";
import { doctor, type DoctorFlags } from "./doctor.js";
import type { FakeServerFlags } from "./fake-server.js";
import { importLogins } from "./import-logins.js";
import { login, type LoginFlags } from "./login.js";
import { logout, type LogoutFlags } from "./logout.js";
import type { Output } from "./output.js";
import { printable } from "./text-layout.js";
import { status, type StatusFlags } from "./status.js";
import { token, type TokenFlags } from "./token.js";

const WIDEST = 80;
const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs the command line, and leaves its result in the exit code of the process. */
export async function runProgram(words: readonly string[], version: string, output: Output): Promise<void> {
  const controller = new AbortController();
  const end = (name: (typeof SIGNALS)[number]): void => {
    // whoever presses it twice does not want to wait
    if (controller.signal.aborted) process.exit(new Interrupted(name).exitCode);
    controller.abort(new Interrupted(name));
  };
  for (const name of SIGNALS) process.on(name, end);
  const context: CommandContext = {
    output,
    signal: controller.signal,
    interrupt: () => {
      end("SIGINT");
    },
  };
  const asJson = words.includes("--json");
  /** What is wrong with the command line, and where to read how it is right. */
  const refusal: string[] = [];
  const refuse = (text: string): void => {
    if (asJson) refusal.push(text);
    else output.say(text);
  };
  const program = createProgram(version, context, refuse, (code) => (process.exitCode = code));
  try {
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    process.exitCode = reportFailure(error, asJson && { next: refusal[1] }, output);
  } finally {
    for (const name of SIGNALS) process.off(name, end);
  }
}

function reportFailure(error: unknown, asJson: false | { readonly next: string | undefined }, output: Output): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    // as text it is said already
    const message = error.message.replace(/^error: /, "");
    if (asJson) output.printJson({ error: { code: "usage", message, next: asJson.next?.trim() } });
    return EXIT.usage;
  }
  if (error instanceof Interrupted) return error.exitCode;
  const { code, message, next, exitCode } = describeFailure(error);
  if (asJson) output.printJson({ error: { code, message, ...(next !== undefined && { next }) } });
  else output.say([`mcp-oauth: ${printable(message)}`, ...(next === undefined ? [] : [`  ${next}`])].join("\n"));
  return exitCode;
}

function createProgram(
  version: string,
  context: CommandContext,
  refuse: (text: string) => void,
  done: (exitCode: number) => void,
): Command {
  const { output } = context;
  const program = new Command("mcp-oauth")
    .description("Logs you in to MCP servers, keeps the logins, and finds out what is wrong with a server.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help for a command")
    .configureHelp({ helpWidth: Math.min(WIDEST, output.columns()), sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => {
        output.print(text.trimEnd());
      },
      writeErr: (text) => {
        refuse(text.trimEnd());
      },
      outputError: (text, write) => {
        write(text.replace(/^error: /, "mcp-oauth: "));
      },
    })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText("after", EXIT_CODES);
  program
    .command("login")
    .summary("log in at an MCP server")
    .description("Logs in at an MCP server with the browser, and keeps the login.")
    .argument("[url]", "URL of the MCP server")
    .option("--no-browser", "only print the URL, do not open a browser")
    .option("--device", "log in on another device, with a code")
    .option("--scope <scopes>", "scopes to ask for, in place of those that the server names")
    .addOption(clientOption())
    .addOption(issuerOption())
    .addOption(secretOption())
    .addOption(subjectOption())
    .option("--port <number>", "port for the browser to come back to", wholeNumber(65_535))
    .option("--timeout <seconds>", "how long to wait for you", wholeNumber(86_400), 300)
    .option("--force", "log in even if there is a login that works")
    .option("--import", "take over logins of mcp-remote, opencode, oh-my-opencode")
    .addOption(storeOption())
    .addOption(jsonOption())
    .action(async (url: string | undefined, flags: LoginFlags, command: Command) => {
      if (flags.import) {
        done(await importLogins(url, flags, context));
        return;
      }
      if (url === undefined) command.error("error: missing required argument 'url'");
      done(await login(url, flags, context));
    });
  program
    .command("logout")
    .summary("end a login, at the server and here")
    .description("Revokes the tokens of a login at the server, and deletes them here.")
    .argument("[url]", "URL of the MCP server")
    .option("--all", "end all logins")
    .addOption(subjectOption())
    .addOption(storeOption())
    .addOption(jsonOption())
    .action(async (url: string | undefined, flags: LogoutFlags) => {
      done(await logout(url, flags, context));
    });
  program
    .command("status")
    .summary("list the logins")
    .description("Lists the logins, or shows those at one server. Uses no network.")
    .argument("[url]", "URL of the MCP server")
    .addOption(subjectOption())
    .addOption(storeOption())
    .addOption(jsonOption())
    .action(async (url: string | undefined, flags: StatusFlags) => {
      done(await status(url, flags, context));
    });
  program
    .command("token")
    .summary("print an access token, for scripts")
    .description("Prints an access token that works, renewed if it has to be.")
    .argument("<url>", "URL of the MCP server")
    .option("--tty", "print it even on a terminal")
    .addOption(subjectOption())
    .addOption(storeOption())
    .addOption(jsonOption())
    .addHelpText("after", TOKEN_EXAMPLE)
    .action(async (url: string, flags: TokenFlags) => {
      done(await token(url, flags, context));
    });
  program
    .command("doctor")
    .summary("find out what is wrong with a server")
    .description("Goes the way of a client to a server and its logins, and says whose fault it is if that fails.")
    .argument("<url>", "URL of the MCP server")
    .option("--login", "go on through a login, a refresh and a revocation")
    .option("--no-browser", "only print the URL, do not open a browser")
    .option("--scope <scopes>", "scopes to ask for, in place of those that the server names")
    .addOption(clientOption())
    .addOption(issuerOption())
    .addOption(secretOption())
    .option("--port <number>", "port for the browser to come back to", wholeNumber(65_535))
    .option("--timeout <seconds>", "how long to wait for you", wholeNumber(86_400), 300)
    .addOption(jsonOption())
    .action(async (url: string, flags: DoctorFlags) => {
      done(await doctor(url, flags, context));
    });
  program
    .command("fake-server")
    .summary("start a server to test clients with")
    .description("Starts an MCP server with logins on this machine, to test clients with.")
    .option("--port <number>", "port to listen on", wholeNumber(65_535))
    .option("--no-consent", "allow every login without asking")
    .option("--expires-in <seconds>", "how long access tokens work", wholeNumber(31_536_000), 3600)
    .option("--scope <scopes>", "scopes that the server wants")
    .option("--fault <name...>", "what goes wrong, as in docs/testing.md")
    .action(async (flags: FakeServerFlags) => {
      const { fakeServer } = await import("./fake-server.js");
      done(await fakeServer(flags, context));
    });
  program
    .command("completion")
    .summary("print a script that completes command lines")
    .description("Prints a script by which a shell completes command lines; its first lines say where to put it.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .action((shell: Shell) => {
      output.print(completionScript(shell, completedCommands(program)));
      done(EXIT.ok);
    });
  for (const command of program.commands) command.showHelpAfterError(`  See: mcp-oauth help ${command.name()}`);
  program.helpCommand("help [command]", "print help for a command");
  return program;
}

/** The commands as shells complete them. */
function completedCommands(program: Command): readonly CompletedCommand[] {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    words: command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
    options: command.options.flatMap(({ long, description, required, argChoices = [] }) =>
      long == null ? [] : [{ name: long, description, takesValue: required, choices: argChoices }],
    ),
  }));
  const help = {
    name: "help",
    summary: "print help for a command",
    options: [],
    words: commands.map(({ name }) => name),
  };
  return [...commands, help];
}

const EXIT_CODES = `
Exit codes: 0 it worked, 1 it failed, 2 it was called wrongly,
3 a login is needed.`;

const TOKEN_EXAMPLE = `
Example:
  curl -H "Authorization: Bearer $(mcp-oauth token URL)" URL`;

const clientOption = (): Option =>
  new Option("--client-id <id>", "client that is registered at the authorization server");
const issuerOption = (): Option =>
  new Option("--issuer <url>", "where that client is registered; its secret goes nowhere else");
const secretOption = (): Option =>
  new Option("--ask-secret", "ask for the client's secret (or set MCP_OAUTH_CLIENT_SECRET)");
const subjectOption = (): Option => new Option("--subject <name>", "account, where you have several at a server");
const jsonOption = (): Option => new Option("--json", "print JSON");
const storeOption = (): Option =>
  new Option("--store <where>", "where logins are kept (default: the keychain if it works)").choices([
    "keychain",
    "file",
  ]);

/** Reads a number from 1 to `most`. */
const wholeNumber =
  (most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
    throw new InvalidArgumentError(`It has to be a whole number from 1 to ${most}.`);
  };
