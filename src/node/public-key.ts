/** A record's key as it may be shown: the key of a pending login ends in its state, which is nobody's business. */
export const publicKey = (key: string): string => key.replace(/^(v1:pending:).*/s, "$1…");
