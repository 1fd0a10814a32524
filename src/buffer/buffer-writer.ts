import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Env } from '../config/env.js';
import { BufferKeys } from './buffer-keys.js';
import { LuaScript } from './lua-script.js';

/** Events of one account that are claimed in one turn, at most. */
export const SEGMENT_MAX_EVENTS = 250;
/** A segment that has reached this many bytes takes no further entry. */
export const SEGMENT_MAX_BYTES = 512 * 1024;
/** What Redis keeps for a segment beside its list: names, and entries of the sets and the hash. Measured. */
export const SEGMENT_OVERHEAD_BYTES = 640;
/** An account that has sent within this time counts as present. */
const PRESENT_FOR_MS = 60 * 60_000;

const KEPT = 0;
const FULL = 1;

export type Appended =
  /** `pending`: events that no worker has claimed yet, with these. */
  | { outcome: 'kept'; pending: number }
  /** The whole buffer is full. Nothing was kept. */
  | { outcome: 'full' }
  /** The account holds more than its share of a buffer that others need. Nothing was kept. */
  | { outcome: 'share_exceeded' };

/**
 * Limits, entries and figures in one step, so that no other process comes between. Bytes are what Redis says that the
 * list takes, not the length of the entries. Not `allow-oom`: a Redis at its maxmemory refuses the whole script.
 *
 * KEYS usage · ARGV base, account, receipt (ms), bytes of all at most, share of an account in bytes, then entries
 * → {0 kept | 1 full | 2 share exceeded, pending}
 */
const APPEND = new LuaScript<[outcome: number, pending: number]>(
  `#!lua
local base, account, received = ARGV[1], ARGV[2], ARGV[3]
local max, share = tonumber(ARGV[4]), tonumber(ARGV[5])
local usage, queue = base .. 'usage', base .. 'queue:' .. account
local held = redis.call('HMGET', usage, 'events', 'pending', 'bytes', 'a:' .. account, 'last', 'lastAt', 'otherAt')
local events, pending, bytes, own =
  tonumber(held[1] or 0), tonumber(held[2] or 0), tonumber(held[3] or 0), tonumber(held[4] or 0)
local last, lastAt, otherAt = held[5], held[6], held[7]
if last ~= account then otherAt = lastAt end
if own > 0 and own >= share and bytes * 2 > max and otherAt and received - otherAt < ${PRESENT_FOR_MS} then
  return {2, pending}
end
if bytes >= max then
  -- Who is refused has sent all the same: the share of the others holds from now on.
  redis.call('HSET', usage, 'last', account, 'lastAt', received, 'otherAt', otherAt or 0)
  return {1, pending}
end

local set = {}
local first, final = 6, #ARGV
local segment = redis.call('LINDEX', queue, -1)
local length, size = 0, 0
if segment then
  length = redis.call('LLEN', base .. 'segment:' .. segment)
  size = tonumber(redis.call('HGET', usage, 's:' .. segment) or 0)
end
while first <= final do
  if not segment or length >= ${SEGMENT_MAX_EVENTS} or size >= ${SEGMENT_MAX_BYTES} then
    segment, length, size = account .. ':' .. redis.call('INCR', base .. 'next'), 0, 0
    if redis.call('RPUSH', queue, segment) == 1 then redis.call('RPUSH', base .. 'fresh', account) end
  end
  redis.call('ZADD', base .. 'waiting', 'LT', received, segment)
  local after, filled = first, size
  while after <= final and length + after - first < ${SEGMENT_MAX_EVENTS} and filled < ${SEGMENT_MAX_BYTES} do
    filled = filled + #ARGV[after]
    after = after + 1
  end
  local key = base .. 'segment:' .. segment
  redis.call('RPUSH', key, unpack(ARGV, first, after - 1))
  local grown = redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0) + ${SEGMENT_OVERHEAD_BYTES}
  bytes, own = bytes + grown - size, own + grown - size
  length, size = length + after - first, grown
  set[#set + 1] = 's:' .. segment
  set[#set + 1] = grown
  first = after
end
local added = final - 5
redis.call('HSET', usage, 'events', events + added, 'pending', pending + added, 'bytes', bytes, 'a:' .. account, own,
  'last', account, 'lastAt', received, 'otherAt', otherAt or 0, unpack(set))
return {0, pending + added}`,
);

/** Appends entries to the buffer, within the limits of the whole and of each account. */
@Injectable()
export class BufferWriter {
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
  async append(
    account: string,
    entries: readonly string[],
    receivedAt: number,
    maxBytes = this.env.bufferMaxBytes,
  ): Promise<Appended> {
    const share = Math.floor((maxBytes * this.env.bufferAccountShare) / 100);
    const [outcome, pending] = await APPEND.run(
      this.redis,
      [this.keys.usage],
      [this.keys.base, account, receivedAt, maxBytes, share, ...entries],
    );
    if (outcome === KEPT) return { outcome: 'kept', pending };
    return { outcome: outcome === FULL ? 'full' : 'share_exceeded' };
  }
}
