/** A command as a shell completes it. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** What its argument may be, where that is a list. */
  readonly words: readonly string[];
}

interface CompletedOption {
  /** With its dashes. */
  readonly name: string;
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** The shells that there are scripts for. */
export type Shell = "bash" | "zsh" | "fish";

/** The script by which a shell completes the command line. */
export const completionScript = (shell: Shell, commands: readonly CompletedCommand[]): string =>
  ({ bash, zsh, fish })[shell](commands);

const names = (commands: readonly CompletedCommand[]): string => commands.map(({ name }) => name).join(" ");

function bash(commands: readonly CompletedCommand[]): string {
  const choices = new Map(commands.flatMap(({ options }) => options.map((option) => [option.name, option] as const)));
  const values = [...choices.values()].flatMap(({ name, takesValue, choices: list }) =>
    takesValue ? [`    ${name}) words="${list.join(" ")}" ;;`] : [],
  );
  const cases = commands.map(
    ({ name, options, words }) =>
      `      ${name}) words="${[...words, ...options.map((option) => option.name)].join(" ")}" ;;`,
  );
  return [
    '# mcp-oauth in bash: eval "$(mcp-oauth completion bash)" in ~/.bashrc',
    "_mcp_oauth() {",
    '  local word="${COMP_WORDS[COMP_CWORD]}" words=""',
    '  case "${COMP_WORDS[COMP_CWORD-1]}" in',
    ...values,
    '    *) case "${COMP_WORDS[1]}" in',
    ...cases,
    "    esac ;;",
    "  esac",
    `  [ "$COMP_CWORD" -gt 1 ] || words="${names(commands)}"`,
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    "}",
    "complete -F _mcp_oauth mcp-oauth",
  ].join("\n");
}

const quoted = (text: string): string => text.replaceAll("'", "'\\''");

function zsh(commands: readonly CompletedCommand[]): string {
  const specs = ({ options, words }: CompletedCommand): string =>
    [
      ...options.map(({ name, description, takesValue, choices }) => {
        const value = choices.length > 0 ? `:value:(${choices.join(" ")})` : takesValue ? ":value:" : "";
        return `'${name}[${quoted(description.replace(/[[\]:]/g, ""))}]${value}'`;
      }),
      // nothing is said of a URL: next to a message zsh inserts no flag
      ...(words.length > 0 ? [`'*:word:(${words.join(" ")})'`] : []),
    ].join(" ");
  return [
    '# mcp-oauth in zsh: eval "$(mcp-oauth completion zsh)" in ~/.zshrc, after compinit',
    "_mcp_oauth() {",
    "  local -a commands",
    "  commands=(",
    ...commands.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`),
    "  )",
    "  if (( CURRENT == 2 )); then _describe command commands; return; fi",
    "  shift words; (( CURRENT-- ))",
    '  case "$words[1]" in',
    ...commands.map((command) => `    ${command.name}) _arguments ${specs(command)} ;;`),
    "  esac",
    "}",
    "compdef _mcp_oauth mcp-oauth",
  ].join("\n");
}

function fish(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name, summary, options, words }) => [
    `complete -c mcp-oauth -n __fish_use_subcommand -a ${name} -d '${quoted(summary)}'`,
    ...(words.length > 0
      ? [`complete -c mcp-oauth -n '__fish_seen_subcommand_from ${name}' -a '${words.join(" ")}'`]
      : []),
    ...options.map(({ name: option, description, takesValue, choices }) => {
      const value = choices.length > 0 ? ` -x -a '${choices.join(" ")}'` : takesValue ? " -x" : "";
      const long = option.replace(/^--/, "");
      return `complete -c mcp-oauth -n '__fish_seen_subcommand_from ${name}' -l ${long}${value} -d '${quoted(description)}'`;
    }),
  ]);
  return ["# mcp-oauth in fish: mcp-oauth completion fish | source", "complete -c mcp-oauth -f", ...lines].join("\n");
}
