import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { describeWithService } from "../support/service.ts";
import { createHome, leftIn } from "./support/home.ts";
import { runCommand, startCommand } from "./support/run-command.ts";
import { serveMcp, visit } from "./support/servers.ts";

/** What a session of the desktop has, and a bare home has not. */
const desktop = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

describeWithService("the command with a Secret Service", "SECRET_SERVICE", () => {
  it("keeps a login in the keychain where one works, without a word, and finds it; a locked one is named", async () => {
    const home = createHome();
    const server = await serveMcp();
    const env = desktop();
    const login = startCommand(home, ["login", server.serverUrl], { env });
    await visit(await login.url());
    expect(await login.exited, login.stderr()).toBe(0);
    expect(login.stdout()).toContain("the keychain of the system");
    expect(login.stderr()).not.toContain("are kept in");
    expect(leftIn(home)).toEqual(["stores.json"]);

    const status = await runCommand(home, ["status", "--json"], { env });
    expect(JSON.parse(status.stdout)).toMatchObject([{ serverUrl: server.serverUrl, store: "keychain" }]);
    const token = await runCommand(home, ["token", server.serverUrl], { env });
    expect(token).toMatchObject({ code: 0, stderr: "" });

    const other = await serveMcp();
    const inFiles = startCommand(home, ["login", other.serverUrl, "--store", "file"], { env });
    await visit(await inFiles.url());
    expect(await inFiles.exited).toBe(0);
    const both = await runCommand(home, ["status", "--json"], { env });
    expect((JSON.parse(both.stdout) as { store: string }[]).map(({ store }) => store).sort()).toEqual([
      "file",
      "keychain",
    ]);

    // last, since nobody can unlock it without being asked
    execFileSync("dbus-send", [
      ...["--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"],
      ...["org.freedesktop.Secret.Service.Lock", "array:objpath:/org/freedesktop/secrets/collection/login"],
    ]);
    const locked = await runCommand(home, ["token", server.serverUrl], { env });
    expect(locked).toMatchObject({ code: 1, stdout: "" });
    expect(locked.stderr).toMatch(
      /the keychain cannot be used: .*unlock.*\n {2}Or keep logins in files, with --store file\.\n$/,
    );
    // what is in files does not wait for the keychain
    const free = await runCommand(home, ["token", other.serverUrl], { env });
    expect(free).toMatchObject({ code: 0, stderr: "" });
    const rest = await runCommand(home, ["status", "--json"], { env });
    expect(JSON.parse(rest.stdout)).toMatchObject([{ serverUrl: other.serverUrl, store: "file" }]);
    expect(rest.code).toBe(1);
    expect(rest.stderr).toContain("the keychain cannot be used");
  });
});
