import { expect, it } from "vitest";
import { runProgram } from "../../support/run-program.js";
import { send } from "./send.js";

const imports = `
  import { connect } from "node:net";
  import { startCallbackServer } from "./src/callback-server/start-callback-server.js";
  const server = await startCallbackServer({ hostname: "localhost" });
`;

it("lets the process exit while nobody waits, with connections open", async () => {
  const program = `${imports}
    await new Promise((resolve) => connect({ host: "127.0.0.1", port: server.port }, resolve).unref());
    await new Promise((resolve) => setTimeout(resolve, 0));
    console.log("done");
  `;
  expect(await runProgram(program)).toEqual({ code: 0, stdout: "done\n", stderr: "" });
});

it("keeps the process alive while somebody waits, and tells only when the page is out [spec-87]", async () => {
  const slowPage = `
    import * as http from "node:http";
    process.getBuiltinModule = () => ({
      createServer: (handler) => http.createServer((request, response) => {
        const end = response.end.bind(response);
        response.end = (...page) => void setImmediate(() => end(...page)).unref();
        handler(request, response);
      }),
    });`;
  const program = `${slowPage}${imports}
    const callback = server.waitForCallback({ state: "s1" });
    console.log(server.port);
    console.log((await callback).code);
    process.exit(0);
  `;
  const pages: Promise<string>[] = [];
  const result = await runProgram(program, (line) => {
    if (line !== "c")
      pages.push(
        send(Number(line), "/callback?code=c&state=s1", { headers: { host: `localhost:${line}` } }).then(
          ({ body }) => body,
        ),
      );
  });
  expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\nc\n$/) as string });
  expect(await Promise.all(pages)).toEqual([expect.stringMatching(/You can close this page.*<\/p><\/html>$/)]);
});

it("lets the process exit after a wait that failed", async () => {
  const program = `${imports}
    const callback = server.waitForCallback({ state: "s1", timeoutMs: 1 });
    console.log(await callback.catch((error) => error.code));
  `;
  expect(await runProgram(program)).toEqual({ code: 0, stdout: "callback_timeout\n", stderr: "" });
});

it("does not end the process by a wait whose host failed before awaiting it", async () => {
  const program = `${imports}
    server.waitForCallback({ state: "s1" });
    server.waitForCallback({ state: "" });
    await server.close();
    await new Promise((resolve) => setTimeout(resolve, 0));
    console.log("alive");
  `;
  expect(await runProgram(program)).toEqual({ code: 0, stdout: "alive\n", stderr: "" });
});

it("starts nothing when it is imported", async () => {
  const program = `
    import { startCallbackServer } from "./src/callback-server/start-callback-server.js";
    console.log(typeof startCallbackServer, process.getActiveResourcesInfo().filter((name) => name !== "PipeWrap"));
  `;
  expect(await runProgram(program)).toEqual({ code: 0, stdout: "function []\n", stderr: "" });
});
