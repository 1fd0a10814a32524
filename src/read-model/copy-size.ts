const MIB = 1024 * 1024;

/** About what one insert holds at most. ClickHouse's engine takes 32 MiB, and escapes make rows larger than they are counted here. */
export const INSERT_BYTES = 12 * MIB;
/** Batches of one insert: each is a value in the address of a look-up. */
export const INSERT_BATCHES = 100;
/** About what may wait in a worker's memory. */
export const WAITING_BYTES = 64 * MIB;

/** Keys, times and short texts of a row, bytes. */
const ROW_BYTES = 500;
/** A title is cut from the metadata once more. */
const TITLE_BYTES = 8192;

/** About how many bytes an event takes when it is sent to ClickHouse. */
export function copyBytes({ url, metadata }: { url?: string | null; metadata?: string | null }): number {
  const [address, properties] = [Buffer.byteLength(url ?? ''), Buffer.byteLength(metadata ?? '')];
  // The address, and its host, path and query.
  return ROW_BYTES + 2 * address + properties + Math.min(properties, TITLE_BYTES);
}
