import type { AuthChallenge, ClientRegistration, FetchLike, ServerMetadata, ServerProfile } from "../index.js";
import type { Findings } from "./doctor-report.js";
import type { GivenClient } from "./given-client.js";

/** The hosts that a browser can come back to on this machine. */
export type LoopbackHost = "127.0.0.1" | "localhost";

/** What an examination needs. */
export interface ExamineOptions {
  readonly fetch?: FetchLike | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Rows for servers that deviate. */
  readonly profiles?: readonly ServerProfile[] | undefined;
  /** A client that is registered by hand. */
  readonly client?: GivenClient | undefined;
  /** Where a login comes back to; may be called again, with another host. */
  readonly redirectUri?: ((host: LoopbackHost) => Promise<string>) | undefined;
  /** Goes on through a login, when everything before it works. */
  readonly logIn?: ((findings: Findings, ready: ReadyForLogin) => Promise<void>) | undefined;
  /** Hears what is about to be done. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** What a login starts from. */
export interface ReadyForLogin {
  readonly server: ServerMetadata;
  readonly registration: ClientRegistration;
  readonly redirectUri: string;
  readonly challenge: AuthChallenge | undefined;
}
