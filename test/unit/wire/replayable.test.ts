import { expect, it } from "vitest";
import { isReplayable } from "../../../src/wire/replayable.js";

it.each([
  ["nothing", undefined],
  ["null", null],
  ["text", ""],
  ["bytes", new Uint8Array(1)],
  ["a buffer of another realm", Object.defineProperty({}, Symbol.toStringTag, { value: "ArrayBuffer" })],
  ["a polyfilled form", Object.defineProperty({}, Symbol.toStringTag, { value: "FormData" })],
  ["parameters", new URLSearchParams()],
  ["a blob", new Blob([])],
])("%s can be sent twice", (_, body) => {
  expect(isReplayable(body)).toBe(true);
});

it.each([
  ["a stream", new ReadableStream()],
  ["an asynchronous iterator", { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true }) }) }],
  ["an object of a kind that is not known", {}],
])("%s cannot be sent twice", (_, body) => {
  expect(isReplayable(body)).toBe(false);
});
