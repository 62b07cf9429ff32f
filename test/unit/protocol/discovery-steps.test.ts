import { describe, expect, it } from "vitest";
import { discoverAuthServer } from "../../../src/protocol/discover-auth-server.js";
import type { DiscoveryStep } from "../../../src/protocol/metadata-lookup.js";
import { requirementsOf } from "../../../src/protocol/requirements-of.js";
import type { FakeAuthServer } from "../../../src/testing.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import {
  serverUrl,
  pathUrl,
  rootUrl,
  issuerUrl,
  openidUrl,
  BARE,
  answerAt,
  resource,
  challenge,
} from "../../support/discovery.js";

describe("a tool that explains a server", () => {
  /** What it heard, a line for each step. */
  const explain = async ({ fetch }: FakeAuthServer): Promise<string[]> => {
    const heard: DiscoveryStep[] = [];
    const work = discoverAuthServer(serverUrl, { fetch, onStep: (step) => heard.push(step) });
    await work.catch(() => undefined);
    return heard.map(
      (step) =>
        `${step.purpose === "protected_resource_metadata" ? "resource" : "issuer"} ${step.url} ${step.status}: ` +
        `${step.outcome} [${requirementsOf(step).join()}]`,
    );
  };

  it("hears of every URL in order, also of the one that is used", async () => {
    const fake = createFakeAuthServer({ serverUrl, resourceMetadata: "root", metadataKind: "openid" });
    expect(await explain(fake)).toEqual([
      `resource ${pathUrl} 404: absent [13,14,16]`,
      `resource ${rootUrl} 200: used [13,14,16]`,
      `issuer ${issuerUrl} 404: absent [25,27,28]`,
      `issuer ${openidUrl} 200: used [25,27,28]`,
    ]);
  });

  it("hears which requirement a document breaks, and what could not be asked", async () => {
    const fake = createFakeAuthServer({ serverUrl, resourceMetadata: "root" });
    answerAt(fake, pathUrl, { body: resource({ resource: "https://other.example.com" }) });
    answerAt(fake, issuerUrl, "wrong_issuer");
    answerAt(fake, openidUrl, "network_error");
    expect(await explain(fake)).toEqual([
      `resource ${pathUrl} 200: unusable [17]`,
      `resource ${rootUrl} 200: used [13,14,16]`,
      `issuer ${issuerUrl} 200: unusable [29]`,
      `issuer ${openidUrl} undefined: failed [25,27,28]`,
    ]);
  });

  it("hears the reason as the error would give it, never a query, and ends the discovery when it throws", async () => {
    const heard: DiscoveryStep[] = [];
    const onStep = (step: DiscoveryStep): never => {
      heard.push(step);
      throw new Error("enough");
    };
    const { fetch } = createFakeAuthServer(BARE);
    const named = challenge("https://mcp.example.com/metadata?secret=1");
    await expect(discoverAuthServer(serverUrl, { fetch, challenge: named, onStep })).rejects.toThrow("enough");
    expect(heard).toEqual([
      {
        url: "https://mcp.example.com/metadata",
        status: 404,
        reason: "answered 404",
        purpose: "protected_resource_metadata",
        outcome: "absent",
        code: undefined,
      },
    ]);
  });
});
