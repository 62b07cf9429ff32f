import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startLoopbackServer } from "./loopback-server.ts";

export interface SdkExamplePeer {
  readonly serverUrl: string;
  /** With a trailing slash, which is how `mcpAuthRouter` writes it. */
  readonly issuer: string;
  close(): Promise<void>;
}

/** The example server that comes with the official SDK, unmodified, as a process of its own. It approves at once and knows no refresh. */
export async function startSdkExamplePeer(): Promise<SdkExamplePeer> {
  const [mcpPort, authPort] = await freePorts();
  const serverUrl = `http://localhost:${mcpPort}/mcp`;
  const issuer = `http://localhost:${authPort}/`;
  const script = fileURLToPath(
    import.meta.resolve("@modelcontextprotocol/sdk/examples/server/simpleStreamableHttp.js"),
  );
  const child = spawn(process.execPath, [script, "--oauth", "--oauth-strict"], {
    env: { ...process.env, MCP_PORT: String(mcpPort), MCP_AUTH_PORT: String(authPort) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit").then(() => process.off("exit", kill));

  while (!((await answers(serverUrl)) && (await answers(issuer)))) {
    if (child.exitCode !== null) throw new Error(`the example server of the SDK did not start:\n${stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    serverUrl,
    issuer,
    async close() {
      kill();
      await exited;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).body?.cancel();
    return true;
  } catch {
    return false;
  }
}

async function freePorts(): Promise<[number, number]> {
  const [first, second] = [await startLoopbackServer(), await startLoopbackServer()];
  await Promise.all([first.close(), second.close()]);
  return [first.port, second.port];
}
