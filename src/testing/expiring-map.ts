/** A map whose entries go when they have expired: at each doubling, so that the cost per entry is constant. */
export function createExpiringMap<V>(now: () => number, expiresAt: (value: V) => number) {
  const entries = new Map<string, V>();
  let sweepAt = 64;

  return {
    get: (key: string): V | undefined => entries.get(key),
    set(key: string, value: V): void {
      entries.set(key, value);
      if (entries.size < sweepAt) return;
      for (const [other, held] of entries) if (expiresAt(held) <= now()) entries.delete(other);
      sweepAt = Math.max(64, entries.size * 2);
    },
    delete: (key: string): boolean => entries.delete(key),
    entries: (): IterableIterator<[string, V]> => entries.entries(),
    values: (): IterableIterator<V> => entries.values(),
    get size(): number {
      return entries.size;
    },
  };
}
