// Calls at once in one process, with a token that the server has ended before its time.
// node --expose-gc crowd-calls.mjs CALLS ROUNDS CLIENT…
import { createFakeAuthServer } from "mcp-oauth-client/testing";
import { approveWith, clients, outcomeOf } from "./crowd-clients.mjs";

const { gc } = globalThis;
const [calls, rounds, ...names] = process.argv.slice(2);

/** The same requests by nobody: what the server and its caller cost, whatever the client. */
async function noClient(directory, serverUrl, fetch) {
  const { login, record, open } = await clients["floor: lock and read again"](directory, serverUrl, fetch);
  const send = ({ access_token: token }) =>
    fetch(serverUrl, { headers: { accept: "application/json", authorization: `Bearer ${token}` } });
  return {
    login,
    open,
    async prepare() {
      const expired = record.read().tokens;
      await outcomeOf(open(), serverUrl);
      const fresh = record.read().tokens;
      return async () => {
        await (await send(expired)).body?.cancel();
        return await send(fresh);
      };
    },
  };
}

async function measure(create) {
  const server = createFakeAuthServer({ consentPage: false });
  const { serverUrl } = server;
  const client = await create(undefined, serverUrl, server.fetch, server.now);
  await client.login(approveWith(server.fetch));
  let call = client.open();
  if ((await outcomeOf(call, serverUrl)) !== "200") throw new Error("the login has failed");
  server.expireAccessTokens();
  call = (await client.prepare?.()) ?? call;
  gc();

  const before = server.counts.refresh;
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const outcomes = await Promise.all(Array.from({ length: Number(calls) }, () => outcomeOf(call, serverUrl)));
  const milliseconds = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  return {
    refreshes: server.counts.refresh - before,
    failed: outcomes.filter((outcome) => outcome !== "200").length,
    isAlive: (await outcomeOf(client.open(), serverUrl)) === "200",
    milliseconds,
    cpuMilliseconds: (user + system) / 1_000,
  };
}

const contenders = { "no client, the requests alone": noClient, ...clients };
const samples = Object.fromEntries(names.map((name) => [name, []]));
// interleaved, so that whatever else the machine does meets all alike; the first round warms up; nobody always comes after the same one
for (let round = 0; round <= Number(rounds); round += 1) {
  for (const name of names) {
    const sample = await measure(contenders[name]);
    if (round > 0) samples[name].push(sample);
  }
  names.push(names.shift());
}
console.log(JSON.stringify(samples));
