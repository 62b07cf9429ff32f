import { createFakeAuthServer } from "../../src/testing.js";

/** A port of 127.0.0.1 on which nobody listens just now. */
export async function freePort(): Promise<number> {
  const listener = await createFakeAuthServer().listen();
  await listener.close();
  return listener.port;
}
