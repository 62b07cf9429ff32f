import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../../src/index.js";

describe("the memory store", () => {
  it("uses the runtime's clock unless it is given one", () => {
    const store = createMemoryStore();
    void store.set("past", "1", { expiresAt: Date.now() - 1 });
    void store.set("future", "2", { expiresAt: Date.now() + 60_000 });

    expect([store.get("past"), store.get("future")]).toEqual([undefined, "2"]);
  });

  it("does not fill up with logins that nobody finished", () => {
    let time = 0;
    let looked = 0;
    const store = createMemoryStore({ now: () => ((looked += 1), time) });
    for (let index = 0; index < 100; index += 1) void store.set(`v1:pending:${index}`, "x", { expiresAt: 600_000 });
    time = 600_000;
    void store.set("one more", "y");
    looked = 0;

    // those that are gone are not looked at again
    expect([...(store.keys?.("") as Iterable<string>)]).toEqual(["one more"]);
    expect(looked).toBe(1);
  });

  it("shares nothing with another one", () => {
    const [one, other] = [createMemoryStore(), createMemoryStore()];
    void one.set("key", "value");
    expect(other.get("key")).toBeUndefined();
  });
});
