import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Env } from '../config/env.js';
import { BufferKeys, NO_ACCOUNT, OLD_LIST_COUNT } from './buffer-keys.js';
import { LuaScript } from './lua-script.js';

/** What some accounts have accepted and not yet committed. */
export interface OwnBacklog {
  events: number;
  /** No entry was received before it (ms): 0 when that cannot be told, undefined when nothing is pending. */
  oldestReceivedAt?: number;
}

/** What was accepted and is not yet committed, over all accounts and claims. */
export interface Backlog {
  /** Exact. */
  events: number;
  /** Memory of it in Redis. Lists of release 0.1 are estimated from a sample of their entries. */
  bytes: number;
  /** The part of `bytes` that is in lists of release 0.1. */
  oldListBytes: number;
  /** No entry was received before it (ms); undefined when nothing is pending, or an entry cannot be dated. */
  oldestReceivedAt?: number;
  /** When a worker was last seen (ms). */
  workerSeenAt?: number;
}

/**
 * The same few commands however much is pending, and for however many accounts.
 *
 * KEYS usage · ARGV base, prefix, number of old lists → events, bytes, those of old lists, oldest, worker seen
 */
const BACKLOG = new LuaScript<[events: number, bytes: number, oldBytes: number, oldest: string, workerSeen: string]>(
  `#!lua flags=no-writes,allow-oom
local base, prefix, lists = ARGV[1], ARGV[2], tonumber(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'events', 'bytes')
local events, bytes, oldBytes, oldest = tonumber(held[1] or 0), tonumber(held[2] or 0), 0, nil
local function received(ms)
  if ms and (not oldest or tonumber(ms) < oldest) then oldest = tonumber(ms) end
end
for _, set in ipairs({'waiting', 'claimed'}) do
  received(redis.call('ZRANGE', base .. set, 0, 0, 'WITHSCORES')[2])
end
local function add(key)
  local length = redis.call('LLEN', key)
  if length == 0 then return end
  events = events + length
  oldBytes = oldBytes + (redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 20) or 0)
  received(string.match(redis.call('LINDEX', key, 0), '"r":(%d+)') or 0)
end
for i = 0, lists - 1 do
  local tag = prefix .. '{ingest:' .. i .. '}:'
  add(tag .. 'pending')
  for _, claim in ipairs(redis.call('ZRANGE', tag .. 'claims', 0, -1)) do add(tag .. 'claim:' .. claim) end
end
local datable = oldest and oldest > 0
return {events, bytes + oldBytes, oldBytes, datable and string.format('%.0f', oldest) or '',
  redis.call('GET', prefix .. 'worker:seen') or ''}`,
);

/**
 * Of some accounts and of all old lists, waiting or claimed. A claim mixes accounts, so it is looked into: its oldest entry may
 * be from another account's backlog. A claim of a worker that did not note when its segments were received counts as old as
 * its oldest entry.
 *
 * ARGV base, prefix, number of old lists, accounts → events, oldest receipt (ms); 0 when an entry cannot be dated; '' for nothing
 */
const BACKLOG_OF = new LuaScript<[events: number, oldest: string]>(
  `#!lua flags=no-writes,allow-oom
local base, prefix, lists = ARGV[1], ARGV[2], tonumber(ARGV[3])
local events, oldest = 0, nil
local function received(ms)
  if ms and (not oldest or tonumber(ms) < oldest) then oldest = tonumber(ms) end
end
local asked = {}
for i = 4, #ARGV do asked[ARGV[i]] = true end
local claims = redis.call('ZRANGE', base .. 'claimed', 0, -1, 'WITHSCORES')
for i = 1, #claims, 2 do
  for _, segment in ipairs(redis.call('LRANGE', base .. 'claim:' .. claims[i], 0, -1)) do
    if asked[string.match(segment, '^(.*):')] then
      events = events + redis.call('LLEN', base .. 'segment:' .. segment)
      received(redis.call('ZSCORE', base .. 'taken', segment) or claims[i + 1])
    end
  end
end
for i = 4, #ARGV do
  for _, segment in ipairs(redis.call('LRANGE', base .. 'queue:' .. ARGV[i], 0, -1)) do
    events = events + redis.call('LLEN', base .. 'segment:' .. segment)
    received(redis.call('ZSCORE', base .. 'waiting', segment) or 0)
  end
end
local function add(key)
  local length = redis.call('LLEN', key)
  if length == 0 then return end
  events = events + length
  received(string.match(redis.call('LINDEX', key, 0), '"r":(%d+)') or 0)
end
for i = 0, lists - 1 do
  local tag = prefix .. '{ingest:' .. i .. '}:'
  add(tag .. 'pending')
  for _, claim in ipairs(redis.call('ZRANGE', tag .. 'claims', 0, -1)) do add(tag .. 'claim:' .. claim) end
end
return {events, oldest and string.format('%.0f', oldest) or ''}`,
);

/** Reads the backlog in one Redis call. */
@Injectable()
export class BacklogReader {
  private readonly keys: BufferKeys;

  constructor(
    private readonly redis: Redis,
    env: Env,
  ) {
    this.keys = new BufferKeys(env.redisKeyPrefix);
  }

  /** @throws whatever ioredis throws while Redis is away */
  async read(): Promise<Backlog> {
    const { usage, base, prefix } = this.keys;
    const args = [base, prefix, OLD_LIST_COUNT];
    const [events, bytes, oldListBytes, oldest, seen] = await BACKLOG.run(this.redis, [usage], args);
    return {
      events,
      bytes,
      oldListBytes,
      ...(oldest ? { oldestReceivedAt: Number(oldest) } : {}),
      ...(seen ? { workerSeenAt: Number(seen) } : {}),
    };
  }

  /**
   * What some accounts have pending, claimed or not, however much others have. Entries of no known account count for each.
   * @param accounts as they are in the names of the lists
   * @throws whatever ioredis throws while Redis is away
   */
  async readOf(accounts: readonly string[]): Promise<OwnBacklog> {
    const { usage, base, prefix } = this.keys;
    const args = [base, prefix, OLD_LIST_COUNT, NO_ACCOUNT, ...accounts];
    const [events, oldest] = await BACKLOG_OF.run(this.redis, [usage], args);
    return oldest === '' ? { events } : { events, oldestReceivedAt: Number(oldest) };
  }

  /**
   * @returns no entry of these accounts, see {@link readOf}, was received before this (ms); 0 when that cannot be told, undefined
   *   when nothing is pending
   */
  async oldestOf(accounts: readonly string[]): Promise<number | undefined> {
    return (await this.readOf(accounts)).oldestReceivedAt;
  }
}
