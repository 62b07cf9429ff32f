// What the example uses of @cloudflare/workers-types.
declare module "cloudflare:workers" {
  export abstract class DurableObject {
    protected readonly ctx: {
      readonly storage: {
        get<T>(key: string): Promise<T | undefined>;
        put(key: string, value: unknown): Promise<void>;
        delete(key: string): Promise<boolean>;
      };
    };
  }
}
