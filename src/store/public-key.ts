/** A key or a lock's name as it may be shown: the state of a pending login is left out. */
export const publicKey = (key: string): string => key.replace(/(pending:).*/s, "$1…");
