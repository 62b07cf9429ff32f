import type { WriteStream } from "node:tty";
import { startHeartbeat } from "../platform.js";
import { nodeProcess, nodeUtil } from "./builtins.js";
import { cutText, printable, withoutControls, wrapText } from "./text-layout.js";

/** A colour or weight of text. */
export type Style = "bold" | "dim" | "green" | "yellow" | "red";

/** Something that the user may type while something else goes on. */
export interface Question {
  readonly message: string;
  /** What is wrong with an answer, which is then asked for again. */
  readonly problemWith: (answer: string) => string | undefined;
  /** Ends the question. */
  readonly signal: AbortSignal;
  /** Called for Ctrl-C, which a prompt keeps from the process. */
  readonly onInterrupt: () => void;
}

/** A secret that the user may type, or a program hand over on stdin. */
export type SecretQuestion = Omit<Question, "problemWith">;

/** What is under way. */
export interface Progress {
  update(message: string): void;
  /** Leaves nothing of it on a terminal. */
  end(): void;
}

/** The terminal, or what stands in its place. Nothing else in the command reads or writes it. */
export interface Output {
  /** Columns of what results are printed to; `Infinity` when that is no terminal. */
  columns(): number;
  /** Whether results are printed to a terminal, where others may look on. */
  isTerminal(): boolean;
  /** A result, as it is: to stdout. */
  print(text: string): void;
  /** A result for programs. */
  printJson(value: unknown): void;
  /** What a person wants to know meanwhile: to stderr, wrapped to the terminal. */
  say(text: string): void;
  /** A URL on a line of its own, never wrapped, so that it can be copied whole. */
  sayUrl(url: string): void;
  /** Styles text that is printed, where styles are wanted. */
  style(style: Style, text: string): string;
  /** A spinner on a terminal, a line elsewhere. */
  progress(message: string): Progress;
  /** Resolves with the answer; never, when the question is ended or there is nobody to answer. */
  ask(question: Question): Promise<string>;
  /** Whether a person sees a question. */
  canAsk(): boolean;
  /** Resolves with a secret, which is not shown while it is typed; with none, when there is nobody to give it. */
  askSecret(question: SecretQuestion): Promise<string | undefined>;
}

const NARROWEST = 20;

/** The terminal's streams, each opened when it is first needed. */
const terminal = {
  get stdin() {
    return nodeProcess.stdin;
  },
  get stdout() {
    return watched(nodeProcess.stdout);
  },
  get stderr() {
    return watched(nodeProcess.stderr);
  },
};

const seen = new WeakSet<WriteStream>();

/** Whoever reads may stop when it has enough. */
function watched(stream: WriteStream): WriteStream {
  if (!seen.has(stream)) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") nodeProcess.exit();
      throw error;
    });
  }
  seen.add(stream);
  return stream;
}

export function createOutput(): Output {
  const { env } = nodeProcess;
  const isPlain = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  const widthOf = (stream: WriteStream): number =>
    stream.isTTY ? Math.max(NARROWEST, stream.columns || 80) : Infinity;
  let spinner: Spinner | undefined;
  /** Writes where a spinner may be turning: it moves down. */
  const write = (stream: WriteStream, text: string): void => {
    spinner?.clear();
    stream.write(text);
    spinner?.draw();
  };
  const print = (text: string): void => {
    write(terminal.stdout, `${withoutControls(text)}\n`);
  };
  const say = (text: string): void => {
    write(terminal.stderr, `${wrapText(withoutControls(text), widthOf(terminal.stderr))}\n`);
  };
  function spin(message: string): Progress {
    const own = (spinner = startSpinner(message));
    return {
      update: (next) => {
        own.update(next);
      },
      end() {
        if (spinner === own) spinner = undefined;
        own.end();
      },
    };
  }

  return Object.freeze<Output>({
    columns: () => widthOf(terminal.stdout),
    isTerminal: () => terminal.stdout.isTTY,
    print,
    printJson: (value) => {
      const escape = (character: string): string => `\\u00${character.charCodeAt(0).toString(16)}`;
      print(JSON.stringify(value, null, 2).replace(/[\u007f-\u009f]/g, escape));
    },
    say,
    sayUrl: (url) => {
      write(terminal.stderr, `\n  ${url}\n\n`);
    },
    style: (style, text) => (terminal.stdout.isTTY && !isPlain ? nodeUtil.styleText(style, text) : text),
    progress: (message) => (terminal.stderr.isTTY && !isPlain ? spin(message) : startLines(message, say)),
    ask: async (question) =>
      await (terminal.stdin.isTTY && terminal.stderr.isTTY && !isPlain
        ? askInPrompt(question, say)
        : ((await askForLine(question, say)) ?? never())),
    canAsk: () => terminal.stdin.isTTY && terminal.stderr.isTTY,
    askSecret: async (question) => {
      if (terminal.stdin.isTTY) return await askForSecret(question);
      const secret = await askForLine({ ...question, problemWith: () => undefined }, say);
      question.signal.throwIfAborted();
      return secret;
    },
  });
}

function startLines(message: string, say: (text: string) => void): Progress {
  say(message);
  return { update: say, end: () => undefined };
}

interface Spinner extends Progress {
  clear(): void;
  draw(): void;
}

const FRAMES = "◒◐◓◑";
const FRAME_MS = 100;
const CLEAR_LINE = "\r\u001b[2K";

// the one of the prompt library puts the terminal in raw mode and ends the process at Ctrl-C, before anything is tidied up
function startSpinner(message: string): Spinner {
  let [text, frame, isOver] = [message, 0, false];
  const clear = (): void => void terminal.stderr.write(CLEAR_LINE);
  const draw = (): void => {
    const shown = cutText(printable(text), Math.max(NARROWEST, terminal.stderr.columns || 80) - 3);
    terminal.stderr.write(`${CLEAR_LINE}${FRAMES.charAt(frame++ % FRAMES.length)} ${shown}`);
  };
  draw();
  const stop = startHeartbeat(draw, FRAME_MS);
  return {
    clear,
    draw,
    update(next) {
      text = next;
      if (!isOver) draw();
    },
    end() {
      if (!isOver) clear();
      isOver = true;
      stop();
    },
  };
}

const never = (): Promise<never> => new Promise(() => undefined);

/** What the prompt draws for a question that is open: a line for the message, one for the answer, and two that are empty. */
const OPEN_PROMPT_ROWS = 4;

async function askInPrompt(
  { message, problemWith, signal, onInterrupt }: Question,
  say: (text: string) => void,
): Promise<string> {
  const { isCancel, text } = await import("@clack/prompts");
  const answer = await text({ message, signal, output: terminal.stderr, withGuide: false });
  if (!isCancel(answer)) {
    eraseAnswer(answer);
    const problem = problemWith(answer.trim());
    if (problem === undefined) return answer.trim();
    // asked anew: what was wrong must not be a part of what is pasted next
    say(problem);
    return await askInPrompt({ message, problemWith, signal, onInterrupt }, say);
  }
  if (signal.aborted) eraseRows(OPEN_PROMPT_ROWS);
  else onInterrupt();
  return never();
}

/** The only way to type without an echo: a dumb terminal gets it, too. */
async function askForSecret({ message, signal, onInterrupt }: SecretQuestion): Promise<string> {
  const { isCancel, password } = await import("@clack/prompts");
  const validate = (value = ""): string | undefined => (value.trim() === "" ? "Type it, or press Ctrl-C." : undefined);
  const answer = await password({ message, validate, signal, output: terminal.stderr, withGuide: false });
  if (!isCancel(answer)) {
    eraseAnswer(answer);
    return answer.trim();
  }
  if (!signal.aborted) onInterrupt();
  throw signal.reason;
}

/** What was pasted ends a login: it need not stay on the screen. */
const eraseAnswer = ({ length }: string): void => {
  eraseRows(1 + Math.ceil(length / Math.max(1, terminal.stderr.columns || 80)));
};

const eraseRows = (rows: number): void => void terminal.stderr.write(`\u001b[${rows}A\u001b[J`);

/** Where there is no terminal to draw on: one line after the other is read, and that the input is at its end means no answer. */
async function askForLine(
  { message, problemWith, signal }: Omit<Question, "onInterrupt">,
  say: (text: string) => void,
): Promise<string | undefined> {
  if (signal.aborted) return never();
  say(message);
  const { createInterface } = await import("node:readline");
  const lines = createInterface({ input: terminal.stdin });
  const close = (): void => {
    lines.close();
    // what is still open would keep the process from ending
    (terminal.stdin as { readonly unref?: () => void }).unref?.();
  };
  signal.addEventListener("abort", close);
  try {
    for await (const line of lines) {
      const problem = problemWith(line.trim());
      if (problem === undefined) return line.trim();
      say(problem);
    }
  } catch {
    // a closed stdin says nothing
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
  return undefined;
}
