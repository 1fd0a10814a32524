import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { BufferKeys, LIST_COUNT } from '../buffer/buffer-keys.js';
import { LuaScript } from '../buffer/lua-script.js';
import { Env } from '../config/env.js';

/** A list taken from the buffer by this worker. It never changes; it is unlinked when all of it is committed. */
export interface Claim {
  list: number;
  /** 32 hex digits. */
  id: string;
  /** Entries in it. */
  length: number;
}

/**
 * Every script here begins `allow-oom`, and the claim renames first: a Redis at its maxmemory refuses ZADD and SET to
 * everybody else, and must still be drained. Leases are by Redis's clock, so that workers need not agree on the time.
 */
const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** KEYS pending, claims · ARGV prefix of claims, new id, lease ms → {id, length} or nothing */
const TAKE = new LuaScript<[id: string, length: number] | null>(
  `#!lua flags=allow-oom
${NOW}
local orphans = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)
for _, id in ipairs(orphans) do
  local length = redis.call('LLEN', ARGV[1] .. id)
  if length > 0 then
    redis.call('ZADD', KEYS[2], now + ARGV[3], id)
    return {id, length}
  end
  redis.call('ZREM', KEYS[2], id)
end
if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
redis.call('RENAME', KEYS[1], ARGV[1] .. ARGV[2])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[2])
return {ARGV[2], redis.call('LLEN', ARGV[1] .. ARGV[2])}`,
);

/** KEYS claims · ARGV id, lease ms → 1, or 0 when the claim is not known any more */
const LEASE = new LuaScript<number>(
  `#!lua flags=allow-oom
${NOW}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return 1`,
);

/** KEYS claims, claim · ARGV id */
const FINISH = new LuaScript<number>(
  `#!lua flags=allow-oom
redis.call('UNLINK', KEYS[2])
return redis.call('ZREM', KEYS[1], ARGV[1])`,
);

/** KEYS worker seen */
const SEEN = new LuaScript<unknown>(
  `#!lua flags=allow-oom
${NOW}
return redis.call('SET', KEYS[1], string.format('%.0f', now))`,
);

/** The processing side of the buffer: takes lists, reads them, gives them up. */
@Injectable()
export class ClaimStore {
  constructor(
    private readonly redis: Redis,
    private readonly keys: BufferKeys,
    private readonly env: Env,
  ) {}

  /**
   * A claim whose owner is gone, which is the whole crash recovery; else all that is pending in the list now.
   */
  async take(list: number): Promise<Claim | undefined> {
    const id = randomUUID().replaceAll('-', '');
    const taken = await TAKE.run(
      this.redis,
      [this.keys.pending(list), this.keys.claims(list)],
      [this.keys.claim(list, ''), id, this.env.claimLeaseMs],
    );
    return taken ? { list, id: taken[0], length: taken[1] } : undefined;
  }

  /** Entries from `start` on: at most `maxEvents`, and no more after `maxBytes` have been passed. */
  async read(claim: Claim, start: number, maxEvents: number, maxBytes: number): Promise<string[]> {
    const entries: string[] = [];
    let bytes = 0;
    while (entries.length < maxEvents && start + entries.length < claim.length) {
      const from = start + entries.length;
      const to = Math.min(from + READ_AT_ONCE, start + maxEvents, claim.length) - 1;
      const page = await this.redis.lrange(this.keys.claim(claim.list, claim.id), from, to);
      if (page.length === 0) break;
      for (const entry of page) {
        bytes += Buffer.byteLength(entry);
        if (bytes > maxBytes && entries.length > 0) return entries;
        entries.push(entry);
      }
    }
    return entries;
  }

  /** @returns false when the claim is not known any more: somebody finished it */
  async renew(claim: Claim): Promise<boolean> {
    return (await LEASE.run(this.redis, [this.keys.claims(claim.list)], [claim.id, this.env.claimLeaseMs])) === 1;
  }

  /** Gives the claim back, to be taken after a pause. */
  async release(claim: Claim, pauseMs: number): Promise<void> {
    await LEASE.run(this.redis, [this.keys.claims(claim.list)], [claim.id, pauseMs]);
  }

  /** Only after all of it is committed. */
  async finish(claim: Claim): Promise<void> {
    await FINISH.run(this.redis, [this.keys.claims(claim.list), this.keys.claim(claim.list, claim.id)], [claim.id]);
  }

  /** Says that a worker lives. */
  async seen(): Promise<void> {
    await SEEN.run(this.redis, [this.keys.workerSeen], []);
  }

  /** Whether a list has been pending for FLUSH_INTERVAL_MS, or a claim has lost its owner: a drain is due without alarm. */
  async due(): Promise<boolean> {
    const answers = await Promise.all(
      Array.from({ length: LIST_COUNT }, (_none, list) =>
        DUE.run(
          this.redis,
          [this.keys.pending(list), this.keys.claims(list)],
          [this.env.flushIntervalMs, this.env.flushThreshold],
        ),
      ),
    );
    return answers.some((answer) => answer === 1);
  }
}

/** Entries asked of Redis at a time, so that one answer stays small. */
const READ_AT_ONCE = 500;

/** KEYS pending, claims · ARGV interval ms, threshold → 1 when a drain is due */
const DUE = new LuaScript<number>(
  `#!lua flags=no-writes,allow-oom
${NOW}
if #redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1) > 0 then return 1 end
local length = redis.call('LLEN', KEYS[1])
if length == 0 then return 0 end
if length >= tonumber(ARGV[2]) then return 1 end
local received = string.match(redis.call('LINDEX', KEYS[1], 0), '"r":(%d+)')
if not received or now - tonumber(received) >= tonumber(ARGV[1]) then return 1 end
return 0`,
);
