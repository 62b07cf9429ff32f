import type { TestOptions } from "vitest";

declare module "vitest" {
  interface TaskMeta {
    /** The peer that a test is about; said by its suite, or by itself. */
    peer?: Peer;
    /** What it proves of that peer. */
    shows?: Readonly<Partial<Record<Feature, Outcome>>>;
  }
}

export const PEERS = ["oidc-provider", "SDK router", "SDK example", "workers", "FastMCP", "Django"] as const;
export type Peer = (typeof PEERS)[number];

export const FEATURES = [
  "login and tool call",
  "user refuses",
  "registration",
  "registered by hand",
  "metadata document",
  "forgotten client",
  "change and delete client",
  "refresh and rotation",
  "copied refresh token",
  "step-up",
  "revocation",
  "resource indicators",
  "iss in the callback",
  "DPoP",
  "DPoP nonces",
  "client credentials",
  "private_key_jwt",
  "device code",
  "token exchange",
  "ID-JAG",
] as const;
export type Feature = (typeof FEATURES)[number];

/** Whether a peer has a feature, or what happens because it has not. */
export type Outcome = "yes" | `yes, ${string}` | `no: ${string}`;

/** The peer that all tests of a suite are about. */
export const of = (peer: Peer): TestOptions => ({ meta: { peer } });

/** What a test proves; each becomes a cell of the table at the end. */
export const shows = (features: Readonly<Partial<Record<Feature, Outcome>>>, peer?: Peer): TestOptions => ({
  meta: { shows: features, ...(peer && { peer }) },
});
