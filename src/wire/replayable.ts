const REPLAYABLE = /^\[object (Undefined|Null|String|(Shared)?ArrayBuffer|Blob|File|FormData|URLSearchParams)]$/;

/**
 * Whether a request body can be sent a second time: not a stream, of which nothing would be left. By tag, so that polyfilled classes
 * and those of another realm count as well.
 */
export const isReplayable = (body: unknown): boolean =>
  ArrayBuffer.isView(body) || REPLAYABLE.test(Object.prototype.toString.call(body));
