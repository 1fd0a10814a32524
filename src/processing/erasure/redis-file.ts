import { setTimeout as wait } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { RedisFile } from '../../database/entities/index.js';

const LOOK_EVERY_MS = 200;
const REWRITTEN_WITHIN_MS = 60_000;

/** Has Redis write its files anew from what it holds now, so that what it held before is in none of them. */
@Injectable()
export class RedisFiles {
  constructor(private readonly redis: Redis) {}

  /**
   * @param alive called while it waits
   * @returns `operator` where the server refuses it, which managed ones do; `none` where it keeps no files
   * @throws Error when it does not end in time, or ends badly: to be tried again
   */
  async rewrite(alive: () => Promise<void>): Promise<RedisFile> {
    const before = await this.persistence();
    const snapshots = await this.snapshots();
    const hasLog = before.get('aof_enabled') === '1';
    if (!hasLog && !snapshots) return 'none';
    try {
      if (hasLog) await this.redis.bgrewriteaof();
      // SCHEDULE: after the rewrite, if that is still under way.
      if (snapshots) await this.redis.call('BGSAVE', 'SCHEDULE');
    } catch (error) {
      const message = (error as Error).message;
      if (/in progress/i.test(message)) throw error;
      if ((error as Error).name === 'ReplyError') return 'operator';
      throw error;
    }
    await this.ended(alive, hasLog, snapshots);
    return 'rewritten';
  }

  private async ended(alive: () => Promise<void>, hasLog: boolean, snapshots: boolean): Promise<void> {
    const deadline = Date.now() + REWRITTEN_WITHIN_MS;
    for (;;) {
      const now = await this.persistence();
      const busy = ['aof_rewrite_in_progress', 'aof_rewrite_scheduled', 'rdb_bgsave_in_progress'];
      if (busy.every((name) => now.get(name) !== '1')) {
        // Of what was not asked for an old failure may stand there.
        const statuses = [
          ...(hasLog ? [now.get('aof_last_bgrewrite_status')] : []),
          ...(snapshots ? [now.get('rdb_last_bgsave_status')] : []),
        ];
        if (statuses.every((status) => status === undefined || status === 'ok')) return;
        throw new Error(`Redis could not rewrite its files: ${statuses.join(', ')}`);
      }
      if (Date.now() > deadline) throw new Error('Redis has not rewritten its files in time');
      await wait(LOOK_EVERY_MS);
      await alive();
    }
  }

  private async persistence(): Promise<Map<string, string>> {
    const text = await this.redis.info('persistence');
    return new Map([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name!, value!]));
  }

  /** Whether it also writes snapshots by itself. Where CONFIG is hidden, one that was ever written tells. */
  private async snapshots(): Promise<boolean> {
    try {
      const [, save] = (await this.redis.config('GET', 'save')) as string[];
      return Boolean(save);
    } catch (error) {
      if ((error as Error).name !== 'ReplyError') throw error;
      return Number((await this.persistence()).get('rdb_saves') ?? 0) > 0;
    }
  }
}
