import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { browserCommand, checkBrowserUrl, openBrowser } from "../../../src/node/open-browser.js";
import { runProgram } from "../../support/run-program.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "open-browser-"));
  vi.stubEnv("PATH", folder);
  vi.stubEnv("SystemRoot", join(folder, "Windows"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const authorizationUrl =
  "https://as.example/authorize?response_type=code&client_id=a%20b&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback&x=\"'`$(id)|^%PATH%;*<>{}\\&y=ü&state=s#f";

/** Puts a program of this name where the platform looks for its opener; it writes down the arguments that it gets. */
function installOpener(name: string): () => Promise<readonly string[]> {
  const file = join(folder, name);
  const output = join(folder, "arguments");
  writeFileSync(file, `#!/bin/sh\nfor argument in "$@" END; do printf '%s\\n' "$argument" >> '${output}'; done\n`);
  chmodSync(file, 0o755);
  return async () => {
    await vi.waitUntil(() => existsSync(output) && readFileSync(output, "utf8").endsWith("END\n"), { timeout: 60_000 });
    return readFileSync(output, "utf8").split("\n").slice(0, -2);
  };
}

describe("hands the URL whole to the opener of the platform, past any shell [spec-76, spec-77, spec-80, pain-34]", () => {
  it.each<[NodeJS.Platform, string, string[]]>([
    ["darwin", "open", []],
    ["linux", "xdg-open", []],
    ["freebsd", "xdg-open", []],
    ["win32", "Windows\\System32\\rundll32.exe", ["url.dll,FileProtocolHandler"]],
  ])("on %s", async (platform, opener, before) => {
    vi.spyOn(process, "platform", "get").mockReturnValue(platform);
    const received = installOpener(opener);
    await openBrowser(new URL(authorizationUrl));
    expect(await received()).toEqual([...before, new URL(authorizationUrl).href]);
  });

  it("which needs no quoting, also on Windows", () => {
    const { args } = browserCommand("win32", new URL(authorizationUrl));
    expect(args.join(" ")).not.toMatch(/"|\s.*\s/);
    expect(args.at(-1)).toContain("&state=s");
  });

  it("by its whole path on Windows, which looks in the working directory first", () => {
    expect(browserCommand("win32", new URL(authorizationUrl)).command).toBe("C:\\Windows\\System32\\rundll32.exe");
  });
});

it("takes the URL as a string as well", async () => {
  vi.spyOn(process, "platform", "get").mockReturnValue("linux");
  const received = installOpener("xdg-open");
  await openBrowser("https://as.example/authorize?a=1&b=2");
  expect(await received()).toEqual(["https://as.example/authorize?a=1&b=2"]);
});

describe("opens nothing but https, and http on loopback [spec-74, spec-75, spec-78]", () => {
  it.each([
    "https://as.example/authorize?a=1",
    "http://127.0.0.1:8080/authorize",
    "http://127.0.0.2/authorize",
    "http://localhost/authorize",
    "http://[::1]:8080/authorize",
  ])("such as %s", (url) => {
    expect(checkBrowserUrl(url).href).toBe(url);
  });

  it.each([
    "javascript:alert('secret')",
    "data:text/html,secret",
    "file:///etc/secret",
    "vbscript:secret",
    "ms-msdt:/id secret",
    "com.example.app:/secret",
    "ftp://as.example/secret",
    "http://as.example/secret?secret",
    "http://127.attacker.example/secret",
    "http://127.0.0.1.example/secret",
    "http://localhost.example/secret",
    "https://accounts.example@evil.example/secret",
    "https://:secret@evil.example/",
  ])("and refuses %s", async (url) => {
    const received = installOpener("xdg-open");
    const refused = openBrowser(url).catch((error: unknown) => error);
    expect(await refused).toMatchObject({ name: "TransportError", code: "insecure_url" });
    const error = (await refused) as Error;
    expect(JSON.stringify([error, error.message])).not.toContain("secret");
    expect(received).toBeTypeOf("function");
    expect(existsSync(join(folder, "arguments"))).toBe(false);
  });

  it.each(["", "/authorize", "as.example", "-a Calculator"])(
    "and rejects %o, which is no URL, by name",
    async (value) => {
      await expect(openBrowser(value)).rejects.toThrow(TypeError);
      await expect(openBrowser(value)).rejects.toThrow(/^url /);
    },
  );
});

it("says that there is no opener, so that the host can show the URL [pain-31]", async () => {
  vi.spyOn(process, "platform", "get").mockReturnValue("linux");
  const failed = expect(openBrowser(authorizationUrl)).rejects;
  await failed.toMatchObject({ name: "CallbackServerError", code: "unsupported_runtime", cause: { code: "ENOENT" } });
  await failed.toThrow("xdg-open did not start (ENOENT): show the URL to the user");
});

it("says that the opener found no browser, as over SSH [pain-31]", async () => {
  vi.spyOn(process, "platform", "get").mockReturnValue("linux");
  writeFileSync(join(folder, "xdg-open"), "#!/bin/sh\nexit 3\n");
  chmodSync(join(folder, "xdg-open"), 0o755);
  const failed = expect(openBrowser(authorizationUrl)).rejects;
  await failed.toMatchObject({ name: "CallbackServerError", code: "unsupported_runtime" });
  await failed.toThrow("xdg-open found none (exit code 3): show the URL to the user");
});

it("lets the process exit while the browser runs, and the browser outlives it", async () => {
  const pid = join(folder, "pid");
  writeFileSync(
    join(folder, "xdg-open"),
    `#!/bin/sh\necho $$ > '${pid}.new'\nmv '${pid}.new' '${pid}'\nexec sleep 60\n`,
  );
  chmodSync(join(folder, "xdg-open"), 0o755);
  vi.stubEnv("PATH", `${folder}:/bin:/usr/bin`);
  const program = `
    import { openBrowser } from "./src/node/open-browser.js";
    await openBrowser("https://as.example/");
    console.log("opened");
  `;
  expect(await runProgram(program)).toEqual({ code: 0, stdout: "opened\n", stderr: "" });
  await vi.waitUntil(() => existsSync(pid), { timeout: 60_000 });
  // it leads a process group of its own, so that what ends the terminal does not end the browser
  expect(process.kill(-Number(readFileSync(pid, "utf8")), "SIGKILL")).toBe(true);
});
