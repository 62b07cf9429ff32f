// Microseconds to look up and to write one entry among many, of stores on disk. node stores.mjs DIRECTORY ENTRIES
import { createHash, randomUUID } from "node:crypto";
import { closeSync, fsync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createFileStore } from "mcp-oauth-client/node";

const [directory, count] = process.argv.slice(2);
const entries = Number(count);
const WARM_UPS = 2;
const SINGLE = "one JSON file for all";
const sync = promisify(fsync);
const value = "x".repeat(1_000);
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
mkdirSync(directory, { recursive: true });

async function syncPath(path) {
  const file = openSync(path, "r");
  await sync(file);
  closeSync(file);
}

async function writeByRename(path, text, isDurable) {
  const temporary = join(directory, `${randomUUID()}.tmp`);
  const file = openSync(temporary, "wx", 0o600);
  writeSync(file, text);
  if (isDurable) await sync(file);
  closeSync(file);
  renameSync(temporary, path);
}

const pathOf = (key) => join(directory, `${sha256(`by hand ${key}`)}.json`);
const byHand = (syncsFile, syncsFolder) => ({
  get: (key) => JSON.parse(readFileSync(pathOf(key), "utf8")).value,
  async set(key, text) {
    await writeByRename(pathOf(key), JSON.stringify({ key, value: text }), syncsFile);
    if (syncsFolder) await syncPath(directory);
  },
});

const single = join(directory, "all.json");
const oneFile = (syncsFile) => ({
  get: (key) => JSON.parse(readFileSync(single, "utf8"))[key],
  async set(key, text) {
    const all = JSON.parse(readFileSync(single, "utf8"));
    await writeByRename(single, JSON.stringify({ ...all, [key]: text }), syncsFile);
  },
});

const contenders = {
  "one file per record, by hand": { open: () => byHand(true, false), openWithoutSync: () => byHand(false, false) },
  "the same, folder synced too": { open: () => byHand(true, true) },
  "mcp-oauth-client": { open: () => createFileStore({ directory }) },
  [SINGLE]: { open: () => oneFile(true), openWithoutSync: () => oneFile(false) },
};

// What is measured are a few entries of each store; the others are there to be in the way, and are no less real to the file system.
const keys = Array.from({ length: Math.min(entries, 20) }, (_, index) => `v1:tokens:https://mcp.example.com/${index}`);
for (let index = keys.length; index < entries; index += 1) {
  writeFileSync(join(directory, `${sha256(String(index))}.json`), JSON.stringify({ v: 1, key: String(index), value }));
}
const others = Array.from({ length: entries - keys.length }, (_, index) => [`other ${index}`, value]);
try {
  writeFileSync(single, JSON.stringify(Object.fromEntries([...keys.map((key) => [key, value]), ...others])));
} catch (error) {
  // more than fits in a string
  if (!(error instanceof RangeError)) throw error;
  delete contenders[SINGLE];
}
others.length = 0;
for (const [name, { open }] of Object.entries(contenders)) {
  if (name !== SINGLE) for (const key of keys) await open().set(key, value);
}

const median = (numbers) => numbers.sort((one, other) => one - other)[numbers.length >> 1];
async function time(action) {
  const startedAt = performance.now();
  await action();
  return (performance.now() - startedAt) * 1_000;
}

/**
 * Medians by name; interleaved, so that whatever else the machine does meets all alike, and each comes after each other one. The
 * file for all is apart: what it leaves in the caches would be to the cost of the next. The first rounds warm up.
 */
async function measure(rounds, actions) {
  const { [SINGLE]: single, ...others } = actions;
  const results = await interleave(rounds, others);
  return single === undefined
    ? results
    : { ...results, ...(await interleave(entries > 10_000 ? 3 : rounds, { [SINGLE]: single })) };
}

async function interleave(rounds, actions) {
  const samples = Object.fromEntries(Object.keys(actions).map((name) => [name, []]));
  const order = Object.entries(actions);
  for (let round = -WARM_UPS; round < rounds; round += 1) {
    const key = keys[Math.abs(round) % keys.length];
    for (const [name, action] of order) {
      const sample = await time(() => action(key));
      if (round >= 0) samples[name].push(sample);
    }
    if (round % 2 === 0) order.reverse();
    else order.push(order.shift());
  }
  return Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]));
}

const named = (makeAction) =>
  Object.fromEntries(
    Object.entries(contenders).flatMap(([name, contender]) => {
      const action = makeAction(contender);
      return action === undefined ? [] : [[name, action]];
    }),
  );
const results = {
  // as by a process that has just started: nothing is kept from one lookup to the next
  lookup: await measure(
    200,
    named(({ open }) => async (key) => {
      if ((await open().get(key))?.length !== value.length) throw new Error(`there is no ${key}`);
    }),
  ),
  atomic: await measure(
    60,
    named(({ openWithoutSync }) => openWithoutSync && ((key) => openWithoutSync().set(key, value))),
  ),
  durable: await measure(
    60,
    named(
      ({ open }) =>
        (key) =>
          open().set(key, value),
    ),
  ),
};
console.log(JSON.stringify(results));
