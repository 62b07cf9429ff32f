export type { ClientMetadata, ClockOptions, KVSetOptions, KVStore, LockOptions, MaybePromise } from "./index.js";
export { createFakeAuthServer } from "./testing/fake-auth-server.js";
export type { FakeApproval, FakeAuthServer } from "./testing/fake-auth-server.js";
export type {
  FakeAuthServerOptions,
  FakeClient,
  FakeDpopOptions,
  FakeIssOptions,
  FakeResourceContext,
} from "./testing/fake-auth-server-options.js";
export type { FakeAnswer } from "./testing/fake-answer.js";
export type { FaultName, OddityName } from "./testing/fault-names.js";
export type {
  FakeDeviceAuthorizationOptions,
  FakeIdJagOptions,
  FakeTrustedIssuer,
} from "./testing/fake-grant-options.js";
export type { FakeFault, FakeFaults, FaultFunction, FaultOccurrence } from "./testing/faults.js";
export type { FakeListener } from "./testing/listen.js";
export { mswHandlers } from "./testing/msw-handlers.js";
export type { MswHttp } from "./testing/msw-handlers.js";
export type { FakeEndpoint, FakeRequestCounts, RecordedRequest } from "./testing/request-log.js";
export { kvStoreContract } from "./testing/kv-store-contract.js";
export type { KVStoreContractOptions, TestFunction } from "./testing/kv-store-contract.js";
export type { KVStoreAbility } from "./testing/kv-store-contract-case.js";
