import { nodeProcess } from "./builtins.js";

/** Why a host was not reached, as a person says it. */
export function describeUnreachable({ host }: URL, cause: unknown): string {
  const code = codeIn(cause) ?? (cause as Error).message;
  const noWay = `there is no way to ${host}, as without a network`;
  const silent = `${host} does not answer`;
  const known: Readonly<Partial<Record<string, string>>> = {
    ENOTFOUND: `there is no host ${host}, or no network`,
    EAI_AGAIN: "names of hosts cannot be looked up, as without a network",
    ECONNREFUSED: `nothing listens at ${host}`,
    EHOSTUNREACH: noWay,
    ENETUNREACH: noWay,
    ETIMEDOUT: silent,
    UND_ERR_CONNECT_TIMEOUT: silent,
  };
  if (CERTIFICATE.test(code)) return `the certificate of ${host} is not trusted here (${code})`;
  return known[code] ?? `${host} could not be reached (${code})`;
}

/** What to do when a host was not reached. */
export function connectionAdvice(cause: unknown): string {
  const { env } = nodeProcess;
  if (CERTIFICATE.test(codeIn(cause) ?? "")) {
    return "If it is of your own network, name the file of its authority in NODE_EXTRA_CA_CERTS.";
  }
  const proxy = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"].find((name) => (env[name] ?? "") !== "");
  if (proxy !== undefined && (env["NODE_USE_ENV_PROXY"] ?? "") === "") {
    return `Node goes through the proxy of ${proxy} only with NODE_USE_ENV_PROXY=1, from its versions 22.21 and 24 on.`;
  }
  return "Look at the URL and at the connection, then try again.";
}

/** As OpenSSL and Node name what can be wrong with a certificate. */
const CERTIFICATE = /CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE/;

function codeIn(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== undefined && /^[A-Z]/.test(code)) return code;
  }
  return undefined;
}
