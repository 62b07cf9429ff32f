import type { MaybePromise } from "../index.js";
import { ACCIDENTS } from "./accidents.js";
import { DISCOVERY_ODDITIES } from "./discovery-oddities.js";
import { answering } from "./fake-answer.js";
import type { FakeAnswer } from "./fake-answer.js";
import type { Oddity, Reaction } from "./named-fault.js";
import type { FaultName, OddityName } from "./fault-names.js";
import type { FakeEndpoint, RecordedRequest } from "./request-log.js";
import { RESOURCE_ODDITIES } from "./resource-oddities.js";
import { TOKEN_ODDITIES } from "./token-oddities.js";

/** A fault of your own. It answers in place of the server, or gives what `answer` gives with a change, or hands `answer` a changed
 * request, or throws what `fetch` is to throw. @public */
export type FaultFunction = (
  request: Request,
  answer: (changed?: Request) => Promise<Response>,
) => MaybePromise<Response>;

/** What both kinds of faults share. @public */
export interface FaultOccurrence {
  /** How many requests it befalls; `Infinity` for all.
   * @defaultValue 1, and `Infinity` for an {@link OddityName} */
  readonly times?: number | undefined;
  /** Picks the requests; the others are answered as ever, and do not count. */
  readonly when?: ((request: RecordedRequest) => boolean) | undefined;
}

/** Options of {@link FakeFaults.add}. @public */
export type FakeFault =
  | (FaultOccurrence & {
      /** What happens. */
      readonly fault: FaultName | FakeAnswer | FaultFunction;
      /** The part of the server that fails. */
      readonly endpoint: FakeEndpoint;
    })
  | (FaultOccurrence & {
      /** How the server deviates. */
      readonly fault: OddityName;
      /** One of the parts that deviate.
       * @defaultValue all of them */
      readonly endpoint?: FakeEndpoint | undefined;
    });

/** Faults on demand, see {@link FakeAuthServer.faults}. @public */
export interface FakeFaults {
  /**
   * Adds a fault. Of those that befall an endpoint, a request meets the first one that fits it, in the order they were added.
   * Deviations come together, so that a server may have several, and shape the answers of the others as well.
   *
   * @throws `TypeError` for a name that is none, for an endpoint where nothing deviates, and for `times` below 1
   * @example
   * ```ts
   * const fake = createFakeAuthServer();
   * fake.faults.add({ fault: "503_retry_after", endpoint: "refresh" }); // once
   * fake.faults.add({ fault: "slack_tokens" }); // from now on
   * fake.faults.add({ fault: { members: { expires_in: "soon" } }, endpoint: "token" }); // one answer with another member
   * fake.faults.add({ fault: { status: 400, body: { error: "slow_down" } }, endpoint: "token" }); // and one in place of another
   * ```
   */
  add(fault: FakeFault): void;
  /** Ends all faults. */
  clear(): void;
}

const ODDITIES: Readonly<Record<OddityName, Oddity>> = {
  ...DISCOVERY_ODDITIES,
  ...TOKEN_ODDITIES,
  ...RESOURCE_ODDITIES,
};

interface ActiveFault {
  readonly fault: FakeFault;
  readonly memory: Set<string>;
  readonly reactionAt: (endpoint: FakeEndpoint) => Reaction | undefined;
  readonly isOddity: boolean;
  left: number;
}

/** A fault that a request meets. */
export type MetFault = Pick<ActiveFault, "memory"> & { readonly react: Reaction };

/** What a request meets: one that befalls the endpoint, and all deviations. */
interface MetFaults {
  readonly accidents: readonly MetFault[];
  readonly oddities: readonly MetFault[];
}

function activate(fault: FakeFault): ActiveFault {
  const { fault: what, endpoint, times } = fault;
  const isOddity = typeof what === "string" && Object.hasOwn(ODDITIES, what);
  const left = times ?? (isOddity ? Infinity : 1);
  if (!(left >= 1)) throw new TypeError('"times" must be 1 or more');
  return { fault, memory: new Set(), reactionAt: reactionsOf(what, endpoint), isOddity, left };
}

function reactionsOf(what: FakeFault["fault"], endpoint: FakeEndpoint | undefined): ActiveFault["reactionAt"] {
  if (typeof what === "string" && Object.hasOwn(ODDITIES, what)) {
    const { at } = ODDITIES[what as OddityName];
    if (endpoint !== undefined && at[endpoint] === undefined) {
      throw new TypeError(`"fault" ${what} changes nothing at "endpoint" ${endpoint}`);
    }
    return (place) => (endpoint === undefined || place === endpoint ? at[place] : undefined);
  }
  const react = reactionTo(what);
  if (endpoint === undefined) throw new TypeError('"endpoint" must be given for this fault');
  return (place) => (place === endpoint ? react : undefined);
}

function reactionTo(what: FakeFault["fault"]): Reaction {
  if (typeof what === "function") return what;
  if (typeof what === "object") return answering(what);
  if (!Object.hasOwn(ACCIDENTS, what)) throw new TypeError(`"fault" is no name of a fault: ${what}`);
  return ACCIDENTS[what as FaultName].react;
}

export function createFaults(
  given: readonly FakeFault[] = [],
): FakeFaults & { take(request: RecordedRequest): MetFaults } {
  let active = given.map(activate);

  return {
    add(fault) {
      active.push(activate(fault));
    },
    clear() {
      active = [];
    },
    take(request) {
      const fitting = active.filter(
        ({ fault, reactionAt }) => reactionAt(request.endpoint) !== undefined && (fault.when?.(request) ?? true),
      );
      const accidents = fitting.filter(({ isOddity }) => !isOddity).slice(0, 1);
      const oddities = fitting.filter(({ isOddity }) => isOddity);
      for (const one of [...accidents, ...oddities]) one.left -= 1;
      active = active.filter(({ left }) => left > 0);
      const at = (faults: readonly ActiveFault[]): MetFault[] =>
        faults.flatMap(({ reactionAt, memory }) => {
          const react = reactionAt(request.endpoint);
          return react === undefined ? [] : [{ react, memory }];
        });
      return { accidents: at(accidents), oddities: at(oddities) };
    },
  };
}
