const COOKIE = 12_346;
const COOKIE_WITH_RUNS = 12_347;
/** With runs, fewer containers have no list of offsets. */
const OFFSETS_FROM = 4;
/** A container of more numbers is a bitmap. */
const ARRAY_MAX = 4096;
const BITMAP_BYTES = 8192;

/**
 * Reads what releases up to 0.2 wrote. The migrations have a copy of their own, since they import no live code.
 *
 * The numbers of a roaring bitmap in its portable format (https://github.com/RoaringBitmap/RoaringFormatSpec), in ascending order.
 * @throws RangeError where the bytes end too early, Error for another format
 */
export function roaringNumbers(bytes: Buffer): number[] {
  const cookie = bytes.readUInt32LE(0);
  const hasRuns = (cookie & 0xffff) === COOKIE_WITH_RUNS;
  if (!hasRuns && cookie !== COOKIE) throw new Error(`No roaring bitmap begins with ${cookie}`);
  const size = hasRuns ? (cookie >>> 16) + 1 : bytes.readUInt32LE(4);
  const flags = 4;
  const headers = hasRuns ? flags + Math.ceil(size / 8) : 8;
  let at = headers + 4 * size + (!hasRuns || size >= OFFSETS_FROM ? 4 * size : 0);
  const numbers: number[] = [];
  for (let container = 0; container < size; container += 1) {
    const high = bytes.readUInt16LE(headers + 4 * container) * 0x10000;
    const count = bytes.readUInt16LE(headers + 4 * container + 2) + 1;
    const isRuns = hasRuns && ((bytes[flags + (container >> 3)]! >> (container & 7)) & 1) === 1;
    if (isRuns) {
      const runs = bytes.readUInt16LE(at);
      at += 2;
      for (const end = at + 4 * runs; at < end; at += 4) {
        const first = bytes.readUInt16LE(at);
        for (let more = 0; more <= bytes.readUInt16LE(at + 2); more += 1) numbers.push(high + first + more);
      }
    } else if (count > ARRAY_MAX) {
      for (let low = 0; low < BITMAP_BYTES * 8; low += 1) {
        if ((bytes.readUInt8(at + (low >> 3)) >> (low & 7)) & 1) numbers.push(high + low);
      }
      at += BITMAP_BYTES;
    } else {
      for (const end = at + 2 * count; at < end; at += 2) numbers.push(high + bytes.readUInt16LE(at));
    }
  }
  return numbers;
}
