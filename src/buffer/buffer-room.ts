import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Env } from '../config/env.js';
import { BacklogReader } from './backlog.js';

/** Share of Redis's maxmemory beyond which nothing more is taken, so that a drain still has room to work. */
const MEMORY_SHARE = 0.85;

/** How much room there is. */
export interface Room {
  /** What segments take now. */
  bytes: number;
  /**
   * What segments may take: BUFFER_MAX_BYTES, or less where lists of release 0.1 take a part of it, or Redis has less
   * memory than that.
   */
  roomBytes: number;
  /** Redis has little memory left, whoever uses it. */
  redisNearlyFull: boolean;
}

/** Measures what Redis leaves to the buffer. */
@Injectable()
export class BufferRoom {
  constructor(
    private readonly backlog: BacklogReader,
    private readonly redis: Redis,
    private readonly env: Env,
  ) {}

  /** @throws whatever ioredis throws */
  async measure(): Promise<Room> {
    const [{ bytes, oldListBytes }, memory] = await Promise.all([this.backlog.read(), this.redis.info('memory')]);
    const used = Number(/used_memory:(\d+)/.exec(memory)?.[1] ?? 0);
    const max = Number(/maxmemory:(\d+)/.exec(memory)?.[1] ?? 0);
    const usable = max > 0 ? Math.max(0, Math.floor(max * MEMORY_SHARE) - (used - bytes)) : Infinity;
    return {
      bytes,
      roomBytes: Math.max(0, Math.min(this.env.bufferMaxBytes, usable) - oldListBytes),
      redisNearlyFull: max > 0 && used > max * MEMORY_SHARE,
    };
  }
}
