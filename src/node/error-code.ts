/** `code` of what a system call threw. */
export const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown } | undefined)?.code;
