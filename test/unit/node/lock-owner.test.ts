import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import { beforeEach, describe, expect, it, vi } from "vitest";

vi.mock("node:fs", async (importActual) => {
  const actual = await importActual<typeof fs>();
  return { ...actual, readFileSync: vi.fn(), readlinkSync: vi.fn() };
});
vi.mock("node:os", async (importActual) => ({
  ...(await importActual<typeof os>()),
  hostname: vi.fn(() => "laptop"),
  networkInterfaces: vi.fn(() => ({})),
}));

const missing = (): never => {
  throw Object.assign(new Error("there is no /proc"), { code: "ENOENT" });
};
type Networks = ReturnType<typeof os.networkInterfaces>;
const network = (mac: string) => [{ address: "192.0.2.7", netmask: "", mac, internal: false, cidr: null }] as never;
const withAddress = (mac: string): Networks => ({ en0: network(mac) });
const withTunnel = (mac: string): Networks => ({ utun0: network("00:00:00:00:00:00"), en7: network(mac) });

/** What a process says on a machine, and how it judges what another one wrote. */
async function startOn(interfaces: Networks) {
  vi.mocked(os.networkInterfaces).mockReturnValue(interfaces);
  vi.resetModules();
  return await import("../../../src/node/lock-owner.js");
}

describe("without /proc, the owner of a lock whose process is not to be found", () => {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const deadText = (text: string): string => JSON.stringify({ ...(JSON.parse(text) as object), pid });
  beforeEach(() => {
    vi.mocked(fs.readFileSync).mockImplementation(missing);
    vi.mocked(fs.readlinkSync).mockImplementation(missing);
  });

  it("is dead when it is of this machine", async () => {
    const text = deadText((await startOn(withAddress("02:00:00:00:00:01"))).describeLockOwner("one"));
    expect((await startOn(withTunnel("02:00:00:00:00:01"))).isDeadLockOwner(text)).toBe(true);
  });

  it("may be alive on another machine of the same name, which shares the folder", async () => {
    const text = deadText((await startOn(withAddress("02:00:00:00:00:01"))).describeLockOwner("one"));
    expect((await startOn(withAddress("02:00:00:00:00:02"))).isDeadLockOwner(text)).toBe(false);
    expect(text).not.toContain("02:00");
  });

  it("is judged by the name alone where nothing is known of the network", async () => {
    vi.mocked(os.networkInterfaces).mockImplementation(missing);
    vi.resetModules();
    const { describeLockOwner, isDeadLockOwner } = await import("../../../src/node/lock-owner.js");
    expect(isDeadLockOwner(deadText(describeLockOwner("one")))).toBe(true);
  });
});
