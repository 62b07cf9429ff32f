import type * as DpopProof from "../oauth/dpop-proof.js";

/** Keys and signatures, which are loaded when the first is needed: a program that only sends tokens starts without them. */
export const loadProofs = async (): Promise<typeof DpopProof> => import("../oauth/dpop-proof.js");
