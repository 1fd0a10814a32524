import { hash, randomFillSync } from 'node:crypto';

/**
 * Ids of stored events: a UUIDv7 (RFC 9562) whose time is the event's own and whose other bits are a hash of
 * (app, client's event id), or random where the client sent none. So each retry has the same id, and ids are ordered
 * by time. Ids are handled as 32 lower-case hex digits and shown with dashes.
 */

/** @param timeMs what the client stated, else the time in its UUIDv7, else the time of receipt */
export function storedEventId(timeMs: number, appId: string, eventId: string | undefined): string {
  const bits = eventId === undefined ? randomBits() : hash('sha256', `${appId}\0${eventId}`, 'buffer').subarray(0, 10);
  return uuidV7(timeMs, bits);
}

/** Random bytes made ahead, many at a time: a call a piece costs more than the rest of an id. */
const POOL = Buffer.allocUnsafe(10 * 800);
let used = POOL.length;

function randomBits(): Buffer {
  if (used === POOL.length) {
    randomFillSync(POOL);
    used = 0;
  }
  used += 10;
  return POOL.subarray(used - 10, used);
}

/** @param bits at least 10 bytes: 74 of these 80 bits are used */
export function uuidV7(timeMs: number, bits: Buffer = randomBits()): string {
  const id = Buffer.allocUnsafe(16);
  id.writeUIntBE(timeMs, 0, 6);
  bits.copy(id, 6, 0, 10);
  id[6] = 0x70 | (id[6]! & 0x0f);
  id[8] = 0x80 | (id[8]! & 0x3f);
  return id.toString('hex');
}

const UUID_V7 = /^[0-9a-f]{8}-?[0-9a-f]{4}-?7[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i;

/** The time in a UUIDv7 (ms), or undefined when the text is no UUIDv7. Dashes and case do not matter. */
export function uuidV7Time(text: string): number | undefined {
  if (!UUID_V7.test(text)) return undefined;
  return Number.parseInt(text.replaceAll('-', '').slice(0, 12), 16);
}

/** The time in a stored id (32 hex digits), ms. */
export function storedIdTime(id: string): number {
  return Number.parseInt(id.slice(0, 12), 16);
}

/** The lowest id of a moment: ids begin with their time (RFC 9562, UUIDv7). @param time ms @returns 16 bytes */
export function lowestId(time: number): Buffer {
  return Buffer.from(Math.max(time, 0).toString(16).padStart(12, '0').padEnd(32, '0'), 'hex');
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** 32 lower-case hex digits from any UUID text, with or without dashes; undefined when it is none. */
export function parseUuid(text: string): string | undefined {
  return UUID.test(text) ? text.replaceAll('-', '').toLowerCase() : undefined;
}

/** With dashes, as people know it. */
export function formatUuid(id: string): string {
  return `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`;
}
