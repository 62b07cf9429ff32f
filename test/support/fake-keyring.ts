/** What the package `@napi-rs/keyring` does, over a map, as far as the library uses it. */
export interface FakeKeyring {
  /** Items by service and account. */
  readonly items: Map<string, Map<string, string>>;
  /** Every call, as its name and the account. */
  readonly calls: string[];
  /** Bytes of the longest item, counted as Windows does: two for each UTF-16 unit. */
  maxBytes: number;
  /** Called before every operation; may throw, or wait. */
  before: (operation: string, account: string) => unknown;
  /** Called after every operation that changes something, and may make it fail although it was done. */
  after: (operation: string, account: string) => unknown;
  /** The items of one service. */
  of(service: string): Map<string, string>;
  reset(): void;
  /** What `import("@napi-rs/keyring")` resolves to. */
  readonly module: object;
}

export function createFakeKeyring(): FakeKeyring {
  const keyring: FakeKeyring = {
    items: new Map(),
    calls: [],
    maxBytes: Infinity,
    before: () => undefined,
    after: () => undefined,
    of(service) {
      const items = keyring.items.get(service) ?? new Map<string, string>();
      keyring.items.set(service, items);
      return items;
    },
    reset() {
      keyring.items.clear();
      keyring.calls.length = 0;
      keyring.maxBytes = Infinity;
      keyring.before = keyring.after = () => undefined;
    },
    module: {
      AsyncEntry: class {
        readonly #service: string;
        readonly #account: string;
        constructor(service: string, account: string, options: unknown) {
          if (JSON.stringify(options) !== '{"linux":{"store":"secret-service"}}') throw new Error("the wrong keyring");
          this.#service = service;
          this.#account = account;
        }
        get #items(): Map<string, string> {
          return keyring.of(this.#service);
        }
        async #run<T>(operation: string, action: () => T): Promise<T> {
          keyring.calls.push(`${operation} ${this.#account}`);
          await keyring.before(operation, this.#account);
          const result = action();
          await keyring.after(operation, this.#account);
          return result;
        }
        getPassword(): Promise<string | null> {
          return this.#run("read", () => this.#items.get(this.#account) ?? null);
        }
        setPassword(text: string): Promise<void> {
          return this.#run("write", () => {
            if (text.length * 2 > keyring.maxBytes) throw new Error("password is longer than the platform's limit");
            // as the native code does with a string that is no Unicode
            this.#items.set(this.#account, Buffer.from(text).toString());
          });
        }
        deleteCredential(): Promise<boolean> {
          return this.#run("remove", () => this.#items.delete(this.#account));
        }
      },
      async findCredentialsAsync(service: string) {
        keyring.calls.push("list");
        await keyring.before("list", "");
        return [...keyring.of(service)].map(([account, password]) => ({ account, password }));
      },
    },
  };
  return keyring;
}
