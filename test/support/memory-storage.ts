/** What a page has as `localStorage`, as far as it is used. */
export function createMemoryStorage(entries = new Map<string, string>()) {
  return {
    entries,
    getItem: (key: string): string | null => entries.get(key) ?? null,
    setItem: (key: string, value: string): void => void entries.set(key, value),
    removeItem: (key: string): void => void entries.delete(key),
  };
}
