import type { KVStore } from "mcp-oauth-client";
import { expect, vi } from "vitest";
import type { Scenario } from "./scenario.ts";

export const stores: Readonly<Record<string, Scenario>> = {
  async "docs/stores.md › Encrypted"(load) {
    type Encrypt = (store: KVStore, secrets: readonly Uint8Array[]) => Promise<KVStore>;
    const { encrypt } = await load<{ encrypt: Encrypt }>();
    const [older, newer] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const inner = new Map<string, string>();
    await (await encrypt(inner, [older])).set("key", "value");
    expect(inner.get("key")).toMatch(/^enc:1:/);
    expect(await (await encrypt(inner, [newer, older])).get("key")).toBe("value");
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    expect(await (await encrypt(inner, [newer])).get("key")).toBeUndefined();
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/^key was ignored: /));
  },

  async "docs/stores.md › To write one"(load) {
    interface Row {
      readonly key: string;
      readonly value: string;
      readonly expiresAt: Date | null;
    }
    const rows = new Map<string, Row>();
    const table = {
      find: async (key: string) => rows.get(key) ?? null,
      upsert: async (row: Row) => void rows.set(row.key, row),
      async remove(key: string) {
        const row = rows.get(key) ?? null;
        rows.delete(key);
        return row;
      },
    };
    const { createTableStore } = await load<{ createTableStore: (given: typeof table) => KVStore }>();
    const store = createTableStore(table);
    await store.set("key", "value", { expiresAt: 0 });
    expect([await store.get("key"), rows.get("key")?.expiresAt]).toEqual(["value", new Date(0)]);
    expect([await store.take?.("key"), await store.take?.("key")]).toEqual(["value", undefined]);
    await store.set("key", "again");
    await store.delete("key");
    expect(await store.get("key")).toBeUndefined();
  },
};
