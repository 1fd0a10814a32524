/** Events of one account that are claimed in one turn, at most. */
export const SEGMENT_MAX_EVENTS = 250;
/** A segment that has reached this many bytes takes no further entry. */
export const SEGMENT_MAX_BYTES = 512 * 1024;
/** What Redis keeps for a segment beside its list: names, and entries of the sets and the hash. Measured. */
export const SEGMENT_OVERHEAD_BYTES = 640;
/** An account that has sent within this time counts as present. */
const PRESENT_FOR_MS = 60 * 60_000;

/** What an entry takes is at most so many times its length, and so much more. Only to tell that room is ample. */
const AMPLE_FACTOR = 2;
const AMPLE_ENTRY_BYTES = 128;
const AMPLE_BYTES = 32 * 1024;

/** What became of a request. */
export const KEPT = 0;
export const FULL = 1;

/**
 * Appends the entries of one or more requests of an account. Limits, entries and figures change in one step, so that no
 * other process comes between. Each request is kept whole or refused whole, as if it had come alone: only where there is
 * ample room for all of them are they appended together. Bytes are what Redis says that the list takes, not the length of
 * the entries. Not `allow-oom`: a Redis at its maxmemory refuses the whole script.
 *
 * KEYS usage
 * ARGV base, account, receipt (ms), bytes of all at most, share of an account in bytes, number of requests, how many entries
 * each of them has, then all entries
 * → the number of pending events before, then for each request 0 kept | 1 full | 2 share exceeded
 */
export const APPEND = `#!lua
local base, account, received = ARGV[1], ARGV[2], ARGV[3]
local max, share, requests = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local usage, queue = base .. 'usage', base .. 'queue:' .. account
local held = redis.call('HMGET', usage, 'events', 'pending', 'bytes', 'a:' .. account, 'last', 'lastAt', 'otherAt')
local events, pending, bytes, own =
  tonumber(held[1] or 0), tonumber(held[2] or 0), tonumber(held[3] or 0), tonumber(held[4] or 0)
local last, lastAt, otherAt = held[5], held[6], held[7]
if last ~= account then otherAt = lastAt end
local othersPresent = otherAt and received - otherAt < ${PRESENT_FOR_MS}

local set = {}
local segment = redis.call('LINDEX', queue, -1)
local length, size = 0, 0
if segment then
  length = redis.call('LLEN', base .. 'segment:' .. segment)
  size = tonumber(redis.call('HGET', usage, 's:' .. segment) or 0)
end

local function append(first, final)
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
end

local function refusal()
  if own > 0 and own >= share and bytes * 2 > max and othersPresent then return 2 end
  if bytes >= max then return 1 end
  return 0
end

local first, kept = 7 + requests, 0
local wanted = ${AMPLE_BYTES} + ${AMPLE_ENTRY_BYTES} * (#ARGV - first + 1)
for at = first, #ARGV do wanted = wanted + ${AMPLE_FACTOR} * #ARGV[at] end
local ample = bytes + wanted < max and (own + wanted < share or (bytes + wanted) * 2 <= max)
local answer, isFull = { pending }, false
if ample then
  append(first, #ARGV)
  kept = #ARGV - first + 1
  for request = 1, requests do answer[request + 1] = 0 end
else
  for request = 1, requests do
    local count = tonumber(ARGV[6 + request])
    local outcome = refusal()
    if outcome == 0 then
      append(first, first + count - 1)
      kept = kept + count
    elseif outcome == 1 then
      isFull = true
    end
    first = first + count
    answer[request + 1] = outcome
  end
end
if kept > 0 then
  redis.call('HSET', usage, 'events', events + kept, 'pending', pending + kept, 'bytes', bytes, 'a:' .. account, own,
    'last', account, 'lastAt', received, 'otherAt', otherAt or 0, unpack(set))
elseif isFull then
  -- Who is refused has sent all the same: the share of the others holds from now on.
  redis.call('HSET', usage, 'last', account, 'lastAt', received, 'otherAt', otherAt or 0)
end
return answer`;
