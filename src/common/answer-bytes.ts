/** Bytes of an answer that is sent in one piece; undefined for a stream, and for an answer without a body. */
export function answerBytes(payload: unknown): number | undefined {
  return typeof payload === 'string' || Buffer.isBuffer(payload) ? Buffer.byteLength(payload) : undefined;
}
