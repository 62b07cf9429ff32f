import type { FetchLike } from "../index.js";

const MAX_BYTES = 16_384;

/** A JSON object from the web, or `undefined` when there is none: no redirect is followed, nothing long is read. */
export async function fetchJson(
  fetch: FetchLike | undefined,
  url: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const response = await fetch?.(url, { headers: { accept: "application/json" }, redirect: "manual" });
  if (response?.status !== 200) return undefined;
  if (!/^application\/([\w.-]+\+)?json *(;|$)/i.test(response.headers.get("content-type") ?? "")) return undefined;
  const text = await response.text();
  if (text.length > MAX_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
