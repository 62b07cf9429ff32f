import type { KVStore } from "mcp-oauth-client";

/** A store that processes share: `file:DIRECTORY`, or `redis:URL#OPTIONS`, options as in a query. */
export type StoreSpec = string;

export interface OpenedStore {
  readonly store: KVStore;
  readonly close: () => void;
}

/** Opens a store of the built package, as a process of a host does. */
export async function openStore(spec: StoreSpec, now: () => number): Promise<OpenedStore> {
  const [kind = "", place = ""] = spec.split(/:(.*)/s);
  if (kind === "file") {
    const { createFileStore } = await import("mcp-oauth-client/node");
    return { store: createFileStore({ directory: place, now }), close: () => undefined };
  }
  if (kind !== "redis") throw new TypeError(`there is no store of the kind ${kind}`);
  const [url = "", query = ""] = place.split("#");
  const options = new URLSearchParams(query);
  const [prefix = "", lockTtlMs = "9000"] = [options.get("prefix"), options.get("lockTtlMs")].map(
    (one) => one ?? undefined,
  );
  const [{ createClient }, { createRedisStore }] = await Promise.all([
    import("redis"),
    import("mcp-oauth-client/redis"),
  ]);
  const client = createClient({ url, disableOfflineQueue: true });
  // the store reports what fails; without a listener the process would end
  client.on("error", () => undefined);
  await client.connect();
  return { store: createRedisStore(client, { prefix, lockTtlMs: Number(lockTtlMs) }), close: () => client.destroy() };
}
