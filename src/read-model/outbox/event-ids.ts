/** An event by the two parts of its key, 32 hex digits each. */
export interface EventKey {
  appId: string;
  id: string;
}

const KEY_BYTES = 16;
const COUNT_BYTES = 4;

/**
 * Keys as the outbox keeps them: for each app its id, the number of its events (32 bits, highest byte first), and their ids.
 * @param keys sorted by app
 */
export function packEventIds(keys: readonly EventKey[]): Buffer {
  const pieces: Buffer[] = [];
  for (let from = 0; from < keys.length;) {
    const { appId } = keys[from]!;
    let to = from;
    while (to < keys.length && keys[to]!.appId === appId) to += 1;
    const count = Buffer.alloc(COUNT_BYTES);
    count.writeUInt32BE(to - from);
    const ids = keys.slice(from, to).map(({ id }) => id);
    pieces.push(Buffer.from(appId, 'hex'), count, Buffer.from(ids.join(''), 'hex'));
    from = to;
  }
  return Buffer.concat(pieces);
}

/** @returns ids by app, as the columns hold them */
export function unpackEventIds(packed: Buffer): Map<string, Buffer[]> {
  const found = new Map<string, Buffer[]>();
  for (let at = 0; at < packed.length;) {
    const appId = packed.toString('hex', at, at + KEY_BYTES);
    const count = packed.readUInt32BE(at + KEY_BYTES);
    at += KEY_BYTES + COUNT_BYTES;
    const ids = Array.from({ length: count }, (_none, i) =>
      packed.subarray(at + i * KEY_BYTES, at + (i + 1) * KEY_BYTES),
    );
    found.set(appId, [...(found.get(appId) ?? []), ...ids]);
    at += count * KEY_BYTES;
  }
  return found;
}
