const MIB = 1024 * 1024;

/**
 * About what one insert holds at most. An insert takes some five times as much of the engine's memory, of which it may use 48 MiB
 * where ENGINE_MEMORY is 512M; and escapes make rows larger than they are counted here.
 */
export const INSERT_BYTES = 6 * MIB;
/** About what one answer holds at most whose rows are read back whole: the engine has a few times as much memory for a question. */
export const READ_BACK_BYTES = 4 * MIB;
/** Batches of one insert: each is a value in the address of a look-up. */
export const INSERT_BATCHES = 100;
/** About what may wait in a worker's memory. */
export const WAITING_BYTES = 64 * MIB;

/** Keys, times and short texts of a row, bytes. */
const ROW_BYTES = 500;
/** A title is cut from the metadata once more. */
const TITLE_BYTES = 8192;

interface SizedEvent {
  url?: string | null;
  metadata?: string | null;
}

/** About how many bytes an event takes when it is sent to ClickHouse. */
export function copyBytes({ url, metadata }: SizedEvent): number {
  const [address, properties] = [Buffer.byteLength(url ?? ''), Buffer.byteLength(metadata ?? '')];
  // The address, and its host, path and query.
  return ROW_BYTES + 2 * address + properties + Math.min(properties, TITLE_BYTES);
}

/** Divides events, in their order, so that those of a part are about as large as stated, or one. */
export function* partsOfSize<Event extends SizedEvent>(events: readonly Event[], bytes: number): Generator<Event[]> {
  let [from, taken] = [0, 0];
  for (const [place, event] of events.entries()) {
    const size = copyBytes(event);
    if (place > from && taken + size > bytes) {
      yield events.slice(from, place);
      [from, taken] = [place, 0];
    }
    taken += size;
  }
  if (from < events.length) yield events.slice(from);
}
