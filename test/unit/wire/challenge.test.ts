import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAuthChallenge, parseChallenges } from "../../../src/wire/challenge.js";

const answer = (...values: string[]): Response => {
  const headers = new Headers();
  for (const value of values) headers.append("www-authenticate", value);
  return new Response(null, { status: 401, headers });
};
const parsed = (header: string): unknown =>
  parseChallenges(header).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);

describe("the challenges of a header [spec-12, fact-11, pain-27]", () => {
  it.each<[string, unknown]>([
    ["", []],
    ["Bearer", [["bearer", {}]]],
    ['Bearer realm="a, b", scope=read', [["bearer", { realm: "a, b", scope: "read" }]]],
    ['BEARER Scope = "read write"', [["bearer", { scope: "read write" }]]],
    [
      String.raw`Bearer error_description="scope=\"x\", \\ ok", scope="y"`,
      [["bearer", { error_description: String.raw`scope="x", \ ok`, scope: "y" }]],
    ],
    [
      "Negotiate, Bearer realm=a",
      [
        ["negotiate", {}],
        ["bearer", { realm: "a" }],
      ],
    ],
    [
      "Negotiate YII/a+b==, Bearer realm=a",
      [
        ["negotiate", {}],
        ["bearer", { realm: "a" }],
      ],
    ],
    [
      "Basic realm=a, Bearer scope=b",
      [
        ["basic", { realm: "a" }],
        ["bearer", { scope: "b" }],
      ],
    ],
    ["Bearer scope=a, scope=b", [["bearer", { scope: "a" }]]],
    ['Bearer realm="x" scope="y"', [["bearer", { realm: "x", scope: "y" }]]],
    ["Bearer a=1, b=, c=3", [["bearer", { a: "1", b: "", c: "3" }]]],
    ['Bearer a="never closed, b=c', [["bearer", { a: "never closed, b=c" }]]],
    ['realm="nobody\'s"', []],
    [', ,; "stray, Basic" Bearer realm=a', [["bearer", { realm: "a" }]]],
    ["Bearer error, scope=a", [["bearer", { scope: "a" }]]],
  ])("%j are %j", (header, expected) => {
    expect(parsed(header)).toEqual(expected);
  });

  it("never throw and end, whatever a server sends [spec-124]", () => {
    const piece = fc.constantFrom("Bearer", " ", ",", "=", '"', "\\", "scope", "é", "\t", "a68==", "\n");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        expect(Array.isArray(parseChallenges(pieces.join("")))).toBe(true);
      }),
    );
    fc.assert(fc.property(fc.string(), (header) => Array.isArray(parseChallenges(header))));
  });

  it("survive a round trip through quoting", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (value) => {
        const quoted = value.replace(/["\\]/g, String.raw`\$&`);
        expect(parsed(`Bearer error_description="${quoted}", scope=a`)).toEqual([
          ["bearer", { error_description: value, scope: "a" }],
        ]);
      }),
    );
  });
});

describe("what an answer asks for", () => {
  it("is nothing without a challenge for OAuth", () => {
    expect(parseAuthChallenge(new Response(null, { status: 401 }))).toBeUndefined();
    expect(parseAuthChallenge(answer('Basic realm="x"', "Negotiate"))).toBeUndefined();
  });

  it("has all that a Bearer challenge says [spec-12]", () => {
    const header =
      'Bearer realm="mcp", error="insufficient_scope", error_description="more, please", scope="a b", resource_metadata="https://h.example/prm"';
    expect(parseAuthChallenge(answer(header))).toEqual({
      scheme: "bearer",
      resourceMetadataUrl: "https://h.example/prm",
      scope: "a b",
      error: "insufficient_scope",
      errorDescription: "more, please",
    });
  });

  it("may be a bare Bearer, and has no empty members", () => {
    expect(parseAuthChallenge(answer("Bearer"))).toEqual({ scheme: "bearer" });
    expect(Object.keys(parseAuthChallenge(answer('Bearer scope=""')) ?? {})).toEqual(["scheme"]);
  });

  it("comes from Bearer, then DPoP, then whoever names resource_metadata", () => {
    expect(parseAuthChallenge(answer("DPoP scope=d", "Negotiate", "Bearer scope=b"))).toMatchObject({ scope: "b" });
    expect(parseAuthChallenge(answer("Basic realm=x", "DPoP scope=d"))).toEqual({ scheme: "dpop", scope: "d" });
    expect(parseAuthChallenge(answer('MAC resource_metadata="https://h.example/prm"'))).toEqual({
      scheme: "mac",
      resourceMetadataUrl: "https://h.example/prm",
    });
  });

  it("comes from the Bearer challenge that says most, with resource_metadata from whichever has it", () => {
    const response = answer(
      "Bearer realm=x",
      'Bearer error="insufficient_scope", scope="write"',
      'DPoP resource_metadata="https://h.example/prm"',
    );
    expect(parseAuthChallenge(response)).toEqual({
      scheme: "bearer",
      error: "insufficient_scope",
      scope: "write",
      resourceMetadataUrl: "https://h.example/prm",
    });
  });

  it("takes the first of two resource_metadata, and does not mix other parameters", () => {
    const response = answer(
      'Bearer realm=x, resource_metadata="https://h.example/1", resource_metadata="https://h.example/2"',
    );
    expect(parseAuthChallenge(response)?.resourceMetadataUrl).toBe("https://h.example/1");
    expect(parseAuthChallenge(answer("Basic scope=no", "Bearer realm=x"))).toEqual({ scheme: "bearer" });
  });
});
