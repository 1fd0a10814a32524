import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Env } from '../config/env.js';
import { LIST_COUNT } from './buffer-keys.js';
import { LuaScript } from './lua-script.js';

/** What was accepted and is not yet committed, over all lists and claims. */
export interface Backlog {
  events: number;
  /** Memory of the lists in Redis. */
  bytes: number;
  /** Receipt of the oldest entry (ms); undefined when nothing is pending. */
  oldestReceivedAt?: number;
  /** When a worker was last seen (ms). */
  workerSeenAt?: number;
}

const BACKLOG = new LuaScript<[events: number, bytes: number, oldest: string, workerSeen: string]>(
  `#!lua flags=no-writes,allow-oom
local prefix, lists = ARGV[1], tonumber(ARGV[2])
local events, bytes, oldest = 0, 0, ''
local function add(key)
  local length = redis.call('LLEN', key)
  if length == 0 then return end
  events = events + length
  bytes = bytes + (redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0) or 0)
  local received = string.match(redis.call('LINDEX', key, 0), '"r":(%d+)')
  if received and (oldest == '' or tonumber(received) < tonumber(oldest)) then oldest = received end
end
for i = 0, lists - 1 do
  local tag = prefix .. '{ingest:' .. i .. '}:'
  add(tag .. 'pending')
  for _, claim in ipairs(redis.call('ZRANGE', tag .. 'claims', 0, -1)) do add(tag .. 'claim:' .. claim) end
end
return {events, bytes, oldest, redis.call('GET', prefix .. 'worker:seen') or ''}`,
);

/** Reads the whole backlog in one Redis call. */
@Injectable()
export class BacklogReader {
  constructor(
    private readonly redis: Redis,
    private readonly env: Env,
  ) {}

  /** @throws whatever ioredis throws while Redis is away */
  async read(): Promise<Backlog> {
    const [events, bytes, oldest, seen] = await BACKLOG.run(this.redis, [], [this.env.redisKeyPrefix, LIST_COUNT]);
    return {
      events,
      bytes,
      ...(oldest ? { oldestReceivedAt: Number(oldest) } : {}),
      ...(seen ? { workerSeenAt: Number(seen) } : {}),
    };
  }
}
