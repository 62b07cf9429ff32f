import { describe, expect, it } from "vitest";
import { coversScope, selectScope, unionScopes } from "../../../src/protocol/scope.js";
import { RESOURCE, serverMetadata } from "./records.js";

const server = (scopes_supported?: readonly string[], ofIssuer?: readonly string[]) =>
  serverMetadata(ofIssuer ? { scopes_supported: ofIssuer } : {}, {
    protectedResource: { resource: RESOURCE, ...(scopes_supported && { scopes_supported }) },
  });

describe("selectScope", () => {
  it("takes the challenge's scope as it is, whatever the metadata lists [spec-59, spec-60, spec-61, spec-62]", () => {
    expect(selectScope(server(["read", "write"]), { challenge: { scheme: "bearer", scope: "admin" } })).toBe("admin");
  });

  it.each([{ scheme: "bearer" }, { scheme: "bearer", scope: "" }, { scheme: "bearer", scope: " " }, undefined])(
    "else takes all scopes of the resource metadata [spec-60, spec-114]: %j",
    (challenge) => {
      expect(selectScope(server(["read", "write"]), { challenge })).toBe("read write");
    },
  );

  it.each([undefined, []])("else none, and never those of the authorization server [spec-60]: %j", (listed) => {
    expect(selectScope(server(listed, ["openid", "offline_access"]))).toBeUndefined();
    expect(selectScope(serverMetadata({ scopes_supported: ["openid"] }))).toBeUndefined();
  });

  it("adds offline_access once where the authorization server lists it [spec-64]", () => {
    expect(selectScope(server(["read"], ["openid", "offline_access"]))).toBe("read offline_access");
    expect(selectScope(server(["offline_access", "read"], ["offline_access"]))).toBe("offline_access read");
  });

  it("adds it neither elsewhere nor against the host's will [spec-64]", () => {
    expect(selectScope(server(["read"], ["openid"]))).toBe("read");
    expect(selectScope(server(["read"]))).toBe("read");
    expect(selectScope(server(["read"], ["offline_access"]), { offlineAccess: false })).toBe("read");
  });

  it("unites what was requested, granted and demanded, in this order [spec-63, spec-111]", () => {
    const previous = { requestedScope: "a b", scope: "b c" };
    expect(selectScope(server(["z"]), { previous, challenge: { scheme: "bearer", scope: "d a" } })).toBe("a b c d");
    expect(selectScope(server(["z"]), { previous })).toBe("a b c z");
    expect(selectScope(server(), { previous: {} })).toBeUndefined();
  });
});

describe("scopes", () => {
  it("unite by token, case-sensitively, and absence adds nothing", () => {
    expect(unionScopes("a  b", undefined, "", "A b c")).toBe("a b A c");
    expect(unionScopes(undefined, " ")).toBeUndefined();
  });

  it.each([
    ["a b", "b", true],
    ["a b", "b a", true],
    ["a b", undefined, true],
    [undefined, undefined, true],
    [undefined, "a", false],
    ["", "a", false],
    ["a:b", "a", false],
    ["A", "a", false],
  ])("%j covers %j: %j", (granted, wanted, expected) => {
    expect(coversScope(granted, wanted)).toBe(expected);
  });
});
