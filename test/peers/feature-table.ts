import type { Reporter, TestModule } from "vitest/node";

/** By what the full title of a test says. */
const PEERS: readonly (readonly [string, RegExp])[] = [
  ["oidc-provider", /^(?!FastMCP|the same request).*oidc-provider/],
  ["SDK router", /the SDK's (mcpAuthRouter|router)/],
  ["SDK example", /the SDK's (own )?example server/],
  ["workers", /^workers-oauth-provider/],
  ["FastMCP", /^FastMCP/],
];
const FEATURES: readonly (readonly [string, RegExp])[] = [
  ["login and tool call", /serves (the|a) tool/],
  ["login refused by the user", /user refuse[sd]|user who refuses/],
  ["metadata document", /by (its|the URL of its) metadata document/],
  ["registered beforehand", /registered beforehand/],
  ["forgotten client", /found out at/],
  ["registration changed or deleted", /change its redirect URIs|deletes the client/],
  ["refresh and rotation", /renew an expired token|renews? a(?: refused)? token|sees no refresh token twice/],
  ["copied refresh token", /old refresh token turns up|copied refresh token|renew an expired token/],
  ["step-up", /more scope out of the user|steps up/],
  ["sign-out", /sign-out|cannot revoke/],
  ["DPoP", /with proofs|nonce|without a proof|key is lost/],
];

/** Prints which peer was tested for which feature: the number of tests that passed, or that one failed. */
export class FeatureTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const rows = FEATURES.map(([feature, ofFeature]) => [
      feature,
      ...PEERS.map(([, ofPeer]) => {
        const states = tests
          .filter(({ fullName }) => ofFeature.test(fullName) && ofPeer.test(fullName))
          .map((test) => test.result().state);
        if (states.includes("failed")) return "failed";
        const passed = states.filter((state) => state === "passed").length;
        return passed > 0 ? String(passed) : "–";
      }),
    ]);
    const table = [["passed tests", ...PEERS.map(([peer]) => peer)], ...rows];
    const lines = table.map(([first = "", ...cells]) =>
      [first.padEnd(32), ...cells.map((cell) => cell.padStart(14))].join(""),
    );
    process.stdout.write(`\n${lines.join("\n")}\n`);
  }
}
