import { isAuthError } from "../errors.js";

/** Runs a request with a credential, unless just that was refused before: a refusal is final until the credential is another. */
export type RefusalMemory = <T>(credential: readonly unknown[], request: () => Promise<T>) => Promise<T>;

export function createRefusalMemory(): RefusalMemory {
  let refused: { readonly credential: string; readonly error: Error } | undefined;
  return async (parts, request) => {
    const credential = JSON.stringify(parts);
    if (refused?.credential === credential) throw refused.error;
    try {
      return await request();
    } catch (error) {
      if (isAuthError(error, "token_request_rejected")) refused = { credential, error };
      throw error;
    }
  };
}
