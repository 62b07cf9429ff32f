/** Why a host was not reached, as a person says it. */
export function describeUnreachable({ host }: URL, cause: unknown): string {
  const { code = (cause as Error).message } = cause as { readonly code?: string };
  return (
    {
      ENOTFOUND: `there is no host ${host}, or no network`,
      EAI_AGAIN: "names of hosts cannot be looked up, as without a network",
      ECONNREFUSED: `nothing listens at ${host}`,
    }[code] ?? `${host} could not be reached (${code})`
  );
}
