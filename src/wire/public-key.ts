/**
 * A record's key, a lock's name or an MCP server's URL as it may be shown: without the state of a pending login, and without the
 * query of a URL, which may hold a secret.
 */
export const publicKey = (key: string): string => key.replace(/(pending:|\?).*|(%3F)[^:]*/gs, "$1$2…");
