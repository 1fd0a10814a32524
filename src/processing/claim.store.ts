import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { BufferKeys, OLD_LIST_COUNT } from '../buffer/buffer-keys.js';
import { Env } from '../config/env.js';
import { ADOPT, DUE, FINISH, LEASE, READ, SEEN, TAKE } from './claim-scripts.js';

/** Segments taken from the buffer by this worker. They never change; they are deleted when all of it is committed. */
export interface Claim {
  /** 32 hex digits. */
  id: string;
  /** Entries in it. */
  length: number;
  /** Events that no worker had claimed when this was taken. */
  left: number;
  /** It was another's before, or was given back. */
  recovered: boolean;
}

/** The processing side of the buffer: claims segments, reads them, gives them up. */
@Injectable()
export class ClaimStore {
  constructor(
    private readonly redis: Redis,
    private readonly keys: BufferKeys,
    private readonly env: Env,
  ) {}

  /**
   * A claim that has no owner any more, which is the whole crash recovery; or a new one of segments of all accounts in
   * turn, that one chunk can hold.
   * @param prefer which of the two is looked for first
   * @param maxBytes of a new claim, as Redis counts them
   */
  async take(prefer: 'recover' | 'serve', maxBytes: number): Promise<Claim | undefined> {
    const id = randomUUID().replaceAll('-', '');
    const { waiting, claims, base } = this.keys;
    const args = [base, id, this.env.claimLeaseMs, this.env.chunkMaxEvents, maxBytes, prefer];
    const taken = await TAKE.run(this.redis, [waiting, claims], args);
    if (!taken) return undefined;
    return { id: taken[0], length: taken[1], left: taken[2], recovered: taken[3] === 1 };
  }

  /** Entries from `start` on: at most `maxEvents`, and no more after `maxBytes` have been passed. */
  read(claim: Claim, start: number, maxEvents: number, maxBytes: number): Promise<string[]> {
    return READ.run(this.redis, [this.keys.claim(claim.id)], [this.keys.base, start, maxEvents, maxBytes]);
  }

  /** @returns false when the claim is not known any more: somebody finished it */
  async renew(claim: Claim): Promise<boolean> {
    return (await LEASE.run(this.redis, [this.keys.claims], [claim.id, this.env.claimLeaseMs])) === 1;
  }

  /** Gives the claim back, to be taken after a pause. */
  async release(claim: Claim, pauseMs: number): Promise<void> {
    await LEASE.run(this.redis, [this.keys.claims], [claim.id, pauseMs]);
  }

  /** Only after all of it is committed. */
  async finish(claim: Claim): Promise<void> {
    await FINISH.run(this.redis, [this.keys.claims, this.keys.claim(claim.id)], [this.keys.base, claim.id]);
  }

  /** Says that a worker lives. */
  async seen(): Promise<void> {
    await SEEN.run(this.redis, [this.keys.workerSeen], []);
  }

  /** Takes over what release 0.1 left in its lists, or still puts there. @returns how many lists and claims */
  adoptOldLists(): Promise<number> {
    const { usage, waiting, base, prefix } = this.keys;
    return ADOPT.run(this.redis, [usage, waiting], [base, prefix, OLD_LIST_COUNT]);
  }

  /** Whether events have waited for FLUSH_INTERVAL_MS, or a claim has lost its owner: a drain is due without alarm. */
  async due(): Promise<boolean> {
    const { usage, waiting, claims } = this.keys;
    const args = [this.env.flushIntervalMs, this.env.flushThreshold];
    return (await DUE.run(this.redis, [usage, waiting, claims], args)) === 1;
  }
}
