/**
 * Where accepted events lie in Redis until they are committed. collect appends to `pending` lists; processing renames
 * one to a claim of its own and unlinks that when all of it is in MySQL. Every name of a list shares a hash tag, so that
 * the scripts stay valid where Redis checks slots.
 */
export const LIST_COUNT = 4;

export class BufferKeys {
  constructor(readonly prefix: string) {}

  pending(list: number): string {
    return `${this.prefix}{ingest:${list}}:pending`;
  }

  /** Sorted set: claim id → end of its lease (ms). */
  claims(list: number): string {
    return `${this.prefix}{ingest:${list}}:claims`;
  }

  claim(list: number, claimId: string): string {
    return `${this.prefix}{ingest:${list}}:claim:${claimId}`;
  }

  /** When a worker was last seen (ms). */
  get workerSeen(): string {
    return `${this.prefix}worker:seen`;
  }

  /** There while dead letters of an app are put into the buffer. @param appId 32 hex digits, or `all` */
  replay(appId: string): string {
    return `${this.prefix}replay:${appId}`;
  }

  /** Prefix of BullMQ's own keys. */
  get bull(): string {
    return `${this.prefix}bull`;
  }
}

/** BullMQ's queue of alarms. It keeps no data: a lost job delays a drain, nothing more. */
export const DRAIN_QUEUE = 'drain';
