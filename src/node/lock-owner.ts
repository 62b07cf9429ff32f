import { readFileSync, readlinkSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { nodeCrypto, nodeProcess } from "./builtins.js";
import { codeOf } from "./error-code.js";
import { attempt } from "./write-file-atomically.js";

interface LockOwner {
  readonly machine: string;
  readonly pid: number;
}

/** The text of a lock file. `id` tells apart what one process does at different times. */
export const describeLockOwner = (id: string): string =>
  JSON.stringify({ v: 1, id, machine: thisMachine(), pid: nodeProcess.pid });

/** Whether the process that wrote a lock file is known to have ended. Of processes on other machines nothing is known. */
export function isDeadLockOwner(text: string): boolean {
  const owner = parse(text);
  if (owner?.machine !== thisMachine()) return false;
  try {
    nodeProcess.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

function parse(text: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<LockOwner> | null;
    return Number.isSafeInteger(owner?.pid) ? (owner as LockOwner) : undefined;
  } catch {
    // its writer has not got any further, and may never do so
    return undefined;
  }
}

function networkName(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((network) => network?.map(({ mac }) => mac) ?? []);
  // loopback and tunnels have none of their own
  const own = [...new Set(addresses)].filter((mac) => /[^0:]/.test(mac)).sort();
  return nodeCrypto.createHash("sha256").update(own.join()).digest("hex");
}

let machine: string | undefined;

/** Where process ids mean the same: containers and cloned machines may well have one name, but not one boot and one process table. */
function thisMachine(): string {
  if (machine !== undefined) return machine;
  const names = [hostname()];
  attempt(() => names.push(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()));
  attempt(() => names.push(readlinkSync("/proc/self/ns/pid")));
  // elsewhere two machines that share a folder differ in their network; if one process has seen another network, it waits for silence
  if (names.length === 1) attempt(() => names.push(networkName()));
  machine = names.join(" ");
  return machine;
}
