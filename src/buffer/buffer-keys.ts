/**
 * Where accepted events are kept in Redis until they are committed. An account's events wait in segments: short lists
 * that are filled one after the other. processing puts whole segments into a claim of its own and deletes them when all
 * of it is in MySQL. All names share a hash tag, as scripts that use several keys need where Redis checks slots.
 *
 * | name after `{buffer}:`   | type       | content                                                                |
 * |--------------------------|------------|------------------------------------------------------------------------|
 * | segment:ACCOUNT:NUMBER   | list       | entries, in the order of their arrival; never changed once claimed     |
 * | queue:ACCOUNT            | list       | segments of the account that wait, oldest first; the last one is filled |
 * | fresh, ring              | list       | accounts with a queue, each in one of the two: served in turns         |
 * | waiting                  | sorted set | segments that wait → receipt of their oldest entry (ms)                |
 * | claim:ID                 | list       | segments of a claim; never changed                                     |
 * | claims                   | sorted set | claim → end of its lease (ms)                                          |
 * | claimed                  | sorted set | claim → receipt of its oldest entry (ms)                               |
 * | taken                    | sorted set | segments of claims → receipt of their oldest entry (ms)                |
 * | usage                    | hash       | `events` and `bytes` of all, `pending` events of those that wait,      |
 * |                          |            | `a:ACCOUNT` and `s:SEGMENT` bytes; `turn`: segments served so far;     |
 * |                          |            | `last` account that sent, `lastAt`, and `otherAt`: when another did    |
 * | next                     | counter    | number of the newest segment                                           |
 */
export class BufferKeys {
  constructor(readonly prefix: string) {}

  /** What each name of the table above follows. */
  get base(): string {
    return `${this.prefix}{buffer}:`;
  }

  get waiting(): string {
    return `${this.base}waiting`;
  }

  get claims(): string {
    return `${this.base}claims`;
  }

  get usage(): string {
    return `${this.base}usage`;
  }

  /** @param account 32 hex digits, or NO_ACCOUNT */
  queue(account: string): string {
    return `${this.base}queue:${account}`;
  }

  segment(segment: string): string {
    return `${this.base}segment:${segment}`;
  }

  claim(claimId: string): string {
    return `${this.base}claim:${claimId}`;
  }

  /** When a worker was last seen (ms). */
  get workerSeen(): string {
    return `${this.prefix}worker:seen`;
  }

  /** Exists while dead letters of an app are put into the buffer. @param appId 32 hex digits, or `all` */
  replay(appId: string): string {
    return `${this.prefix}replay:${appId}`;
  }

  /** Prefix of BullMQ's own keys. */
  get bull(): string {
    return `${this.prefix}bull`;
  }
}

/** Stands for the account of entries whose app cannot be read, and of those that release 0.1 left: they may be anybody's. */
export const NO_ACCOUNT = 'unknown';

/** The lists of release 0.1, which workers still empty: `{ingest:0}:pending` to `{ingest:3}:pending`, and claims of them. */
export const OLD_LIST_COUNT = 4;

/** BullMQ's queue of alarms. It keeps no data: a lost job delays a drain, nothing more. */
export const DRAIN_QUEUE = 'drain';
