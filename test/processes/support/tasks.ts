/** What a process is told to do. Each may move its clock on first: milliseconds ahead of the real one. */
export type Task = { readonly offsetMs?: number } & (
  | {
      /** Sends requests to the MCP server, all at once. */
      readonly type: "requests";
      readonly count: number;
    }
  | {
      /** Sends one request, and stands still where it stores that a token request is about to be made, until it is woken. */
      readonly type: "stopBeforeRefresh";
    }
  | {
      /** Sends one request, and logs in when that needs the user. */
      readonly type: "login";
    }
  | {
      /** Takes locks and keeps them for a while, or until they are lost. */
      readonly type: "lock";
      readonly keys: readonly string[];
      readonly holdMs?: number;
    }
  | {
      /** At an instant of the real clock, takes locks and looks whether somebody else is in there. */
      readonly type: "enter";
      readonly keys: readonly string[];
      readonly me: string;
      readonly at: number;
    }
  | {
      /** Takes a lock again and again, and looks whether somebody else is in there. */
      readonly type: "alternate";
      readonly key: string;
      readonly me: string;
      readonly forMs: number;
    }
);

export interface Answers {
  readonly requests: {
    /** Status, `authorization_required`, or what went wrong. */
    readonly outcomes: readonly string[];
  };
  readonly stopBeforeRefresh: { readonly outcome: string };
  readonly login: { readonly outcome: string; readonly logins: number };
  readonly lock: { readonly waitedMs: number; readonly wasLost: boolean };
  readonly enter: { readonly intrusions: number };
  readonly alternate: { readonly turns: number; readonly intrusions: number };
}

export type Report =
  { readonly ready: true } | { readonly held: true } | { readonly answer: unknown } | { readonly error: string };
