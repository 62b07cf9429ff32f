// One of several processes on one folder, told what to do by messages: { login } or { calls, offsetMs }. node crowd-process.mjs CLIENT DIRECTORY URL
import { approveWith, clients, outcomeOf } from "./crowd-clients.mjs";

const [name, directory, serverUrl] = process.argv.slice(2);
/** How far the clock is ahead of the real one. */
let clockMs = 0;
const client = await clients[name](directory, serverUrl, fetch, () => Date.now() + clockMs);
let call;

async function perform({ calls, offsetMs = 0 }) {
  clockMs = offsetMs;
  if (calls === undefined) {
    await client.login(approveWith(fetch));
    return [];
  }
  call ??= client.open();
  return await Promise.all(Array.from({ length: calls }, () => outcomeOf(call, serverUrl)));
}

process.on("message", (task) => {
  perform(task).then(
    (outcomes) => process.send({ outcomes }),
    (error) => process.send({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
process.send({ outcomes: [] });
