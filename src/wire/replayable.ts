/** Whether a request body can be sent a second time: not a stream, of which nothing would be left. */
export const isReplayable = (body: unknown): boolean =>
  body === undefined ||
  body === null ||
  typeof body === "string" ||
  ArrayBuffer.isView(body) ||
  ["ArrayBuffer", "SharedArrayBuffer", "Blob", "File", "FormData", "URLSearchParams"].includes(tagOf(body));

/** By tag, so that polyfilled classes and those of another realm count as well. */
const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);
