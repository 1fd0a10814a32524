import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Env } from '../config/env.js';
import { APPEND, FULL, KEPT, SEGMENT_MAX_BYTES, SEGMENT_MAX_EVENTS } from './append.lua.js';
import { BufferKeys } from './buffer-keys.js';
import { LuaScript } from './lua-script.js';

export type Appended =
  /** `pending`: events that no worker has claimed yet, with these. */
  | { outcome: 'kept'; pending: number }
  /** The whole buffer is full. Nothing was kept. */
  | { outcome: 'full' }
  /** The account holds more than its share of a buffer that others need. Nothing was kept. */
  | { outcome: 'share_exceeded' };

/** The requests that one call of the script appends. */
class Append {
  readonly entries: string[] = [];
  private readonly requests: {
    count: number;
    resolve: (appended: Appended) => void;
    reject: (error: unknown) => void;
  }[] = [];
  /** Of the entries, in UTF-16 units: close enough to bytes to bound a call. */
  private length = 0;

  constructor(
    readonly account: string,
    readonly maxBytes: number,
    public receivedAt: number,
  ) {}

  get counts(): number[] {
    return this.requests.map(({ count }) => count);
  }

  /** Redis does nothing else meanwhile, so one call stays small. */
  get isFull(): boolean {
    return this.entries.length >= SEGMENT_MAX_EVENTS || this.length >= SEGMENT_MAX_BYTES;
  }

  add(entries: readonly string[], receivedAt: number): Promise<Appended> {
    this.receivedAt = Math.min(this.receivedAt, receivedAt);
    for (const entry of entries) {
      this.entries.push(entry);
      this.length += entry.length;
    }
    return new Promise((resolve, reject) => this.requests.push({ count: entries.length, resolve, reject }));
  }

  /** @param pending events before this call */
  answer([pending, ...outcomes]: [number, ...number[]]): void {
    for (const [i, { count, resolve }] of this.requests.entries()) {
      const outcome = outcomes[i];
      if (outcome === KEPT) {
        pending += count;
        resolve({ outcome: 'kept', pending });
      } else resolve({ outcome: outcome === FULL ? 'full' : 'share_exceeded' });
    }
  }

  fail(error: unknown): void {
    for (const { reject } of this.requests) reject(error);
  }
}

/**
 * Appends entries to the buffer, within the limits of the whole and of each account. Requests of one account that come
 * within one turn of the event loop share a call of the script; each is still kept whole or refused whole.
 */
@Injectable()
export class BufferWriter {
  private readonly script = new LuaScript<[pending: number, ...outcomes: number[]]>(APPEND);
  /** Calls to make at the end of this turn of the event loop. */
  private appends: Append[] = [];
  /** Of these, the one that takes further requests of an account. */
  private readonly open = new Map<string, Append>();

  constructor(
    private readonly redis: Redis,
    private readonly keys: BufferKeys,
    private readonly env: Env,
  ) {}

  /**
   * All of them or none. Redis replies when it has fsynced.
   * @param account 32 hex digits, or NO_ACCOUNT @param receivedAt ms: no entry was received before it
   * @param maxBytes of all accounts together
   * @throws whatever ioredis throws: then it is not known whether they were kept
   */
  append(
    account: string,
    entries: readonly string[],
    receivedAt: number,
    maxBytes = this.env.bufferMaxBytes,
  ): Promise<Appended> {
    let append = this.open.get(account);
    if (!append || append.isFull || append.maxBytes !== maxBytes) {
      if (this.appends.length === 0) setImmediate(() => this.endTurn());
      append = new Append(account, maxBytes, receivedAt);
      this.appends.push(append);
      this.open.set(account, append);
    }
    return append.add(entries, receivedAt);
  }

  private endTurn(): void {
    const { appends } = this;
    this.appends = [];
    this.open.clear();
    for (const append of appends) void this.send(append);
  }

  private async send(append: Append): Promise<void> {
    const { account, receivedAt, maxBytes, counts, entries } = append;
    const share = Math.floor((maxBytes * this.env.bufferAccountShare) / 100);
    const limits = [this.keys.base, account, receivedAt, maxBytes, share];
    try {
      append.answer(
        await this.script.run(this.redis, [this.keys.usage], [...limits, counts.length, ...counts, ...entries]),
      );
    } catch (error) {
      append.fail(error);
    }
  }
}
