import { NO_ACCOUNT } from '../buffer/buffer-keys.js';
import { LuaScript } from '../buffer/lua-script.js';

/**
 * Every script that changes something begins `allow-oom`: a Redis at its maxmemory refuses ZADD and SET to everybody
 * else, and must still be drained. Leases are by Redis's clock, so that workers need not agree on the time. The names of
 * keys are explained in BufferKeys.
 */
const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** Accounts served in one claim, at most: it bounds how long the script holds Redis up. */
const SEGMENTS_MAX = 500;
/** Every fourth turn is one of the ring's, so that accounts which send much are served however many new ones come. */
const RING_EVERY = 4;
/** Entries asked of Redis at a time, within a script. */
const READ_AT_ONCE = 100;

/** Forgets a claim: its segments, and what they count for. */
const DROP = `local function drop(id)
  local claim = base .. 'claim:' .. id
  local segments = redis.call('LRANGE', claim, 0, -1)
  local known = redis.call('ZREM', base .. 'claims', id)
  redis.call('ZREM', base .. 'claimed', id)
  if #segments == 0 then return known end
  local usage, keys, fields = base .. 'usage', {claim}, {}
  local events, bytes, own = 0, 0, {}
  for i, segment in ipairs(segments) do
    keys[i + 1] = base .. 'segment:' .. segment
    fields[i] = 's:' .. segment
    events = events + redis.call('LLEN', keys[i + 1])
  end
  for i, found in ipairs(redis.call('HMGET', usage, unpack(fields))) do
    local field, size = 'a:' .. string.match(segments[i], '^(.*):'), tonumber(found or 0)
    bytes = bytes + size
    own[field] = (own[field] or 0) + size
  end
  redis.call('UNLINK', unpack(keys))
  redis.call('ZREM', base .. 'taken', unpack(segments))
  if redis.call('EXISTS', base .. 'claims', base .. 'waiting') == 0 then
    -- Nothing is left: were a figure ever wrong, it would be right again from here on.
    local senders = redis.call('HMGET', usage, 'last', 'lastAt', 'otherAt')
    redis.call('UNLINK', usage, base .. 'taken')
    if senders[1] then redis.call('HSET', usage, 'last', senders[1], 'lastAt', senders[2], 'otherAt', senders[3]) end
    return known
  end
  local accounts, left = {}, {}
  for field in pairs(own) do accounts[#accounts + 1] = field end
  for i, held in ipairs(redis.call('HMGET', usage, unpack(accounts))) do
    local rest = tonumber(held or 0) - own[accounts[i]]
    if rest > 0 then
      left[#left + 1] = accounts[i]
      left[#left + 1] = rest
    else
      fields[#fields + 1] = accounts[i]
    end
  end
  redis.call('HDEL', usage, unpack(fields))
  if #left > 0 then redis.call('HSET', usage, unpack(left)) end
  redis.call('HINCRBY', usage, 'events', -events)
  redis.call('HINCRBY', usage, 'bytes', -bytes)
  return known
end`;

/** @returns id, entries, events that still wait, whether it had an owner before */
export type Taken = [id: string, length: number, left: number, recovered: number];

/**
 * A claim whose owner is gone, or a new one: a segment of each account in turn, again and again, while they fit. Most
 * turns go to accounts that had nothing waiting until now, so that these need not wait for a round of all others.
 *
 * KEYS waiting, claims · ARGV base, new id, lease ms, events at most, bytes at most, `recover` to look for a claim without
 * owner first, or `serve` → Taken, or nothing
 */
export const TAKE = new LuaScript<Taken | null>(
  `#!lua flags=allow-oom
local base, usage = ARGV[1], ARGV[1] .. 'usage'
local max, maxBytes = tonumber(ARGV[4]), tonumber(ARGV[5])
${NOW}
${DROP}
local function left() return tonumber(redis.call('HGET', usage, 'pending') or 0) end

local function recover()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
    local length = 0
    for _, segment in ipairs(redis.call('LRANGE', base .. 'claim:' .. id, 0, -1)) do
      length = length + redis.call('LLEN', base .. 'segment:' .. segment)
    end
    if length > 0 then
      redis.call('ZADD', KEYS[2], now + ARGV[3], id)
      return {id, length, left(), 1}
    end
    drop(id)
  end
end

local function serve()
  local id, taken, events, bytes = ARGV[2], {}, 0, 0
  local fresh, ring = base .. 'fresh', base .. 'ring'
  local turn = tonumber(redis.call('HGET', usage, 'turn') or 0)
  while #taken < ${SEGMENTS_MAX} do
    local first, second = fresh, ring
    if turn % ${RING_EVERY} == ${RING_EVERY} - 1 then first, second = ring, fresh end
    local from, account = first, redis.call('LPOP', first)
    if not account then from, account = second, redis.call('LPOP', second) end
    if not account then break end
    local queue = base .. 'queue:' .. account
    local segment = redis.call('LPOP', queue)
    if segment then
      local length = redis.call('LLEN', base .. 'segment:' .. segment)
      local size = tonumber(redis.call('HGET', usage, 's:' .. segment) or 0)
      if #taken > 0 and (events + length > max or bytes + size > maxBytes) then
        redis.call('LPUSH', queue, segment)
        redis.call('LPUSH', from, account)
        break
      end
      taken[#taken + 1] = segment
      events, bytes = events + length, bytes + size
    end
    if redis.call('EXISTS', queue) == 1 then redis.call('RPUSH', ring, account) end
    turn = turn + 1
  end
  if #taken == 0 then return nil end
  local oldest
  for i, received in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(taken))) do
    if received and (not oldest or tonumber(received) < tonumber(oldest)) then oldest = received end
    redis.call('ZADD', base .. 'taken', received or 0, taken[i])
  end
  redis.call('ZREM', KEYS[1], unpack(taken))
  redis.call('RPUSH', base .. 'claim:' .. id, unpack(taken))
  redis.call('ZADD', base .. 'claimed', oldest or 0, id)
  redis.call('ZADD', KEYS[2], now + ARGV[3], id)
  redis.call('HINCRBY', usage, 'pending', -events)
  redis.call('HSET', usage, 'turn', turn)
  if events > 0 then return {id, events, left(), 0} end
  drop(id)
end

if ARGV[6] == 'recover' then return recover() or serve() end
return serve() or recover()`,
);

/** KEYS claims · ARGV id, lease ms → 1, or 0 when the claim is not known any more */
export const LEASE = new LuaScript<number>(
  `#!lua flags=allow-oom
${NOW}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return 1`,
);

/** KEYS claim · ARGV base, index of the first entry, entries at most, bytes at most → entries; at least one where there is one */
export const READ = new LuaScript<string[]>(
  `#!lua flags=no-writes,allow-oom
local base, skip, max, maxBytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local entries, bytes = {}, 0
for _, segment in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local key = base .. 'segment:' .. segment
  local length = skip > 0 and redis.call('LLEN', key) or 1
  while skip < length do
    local page = redis.call('LRANGE', key, skip, skip + ${READ_AT_ONCE} - 1)
    for _, entry in ipairs(page) do
      bytes = bytes + #entry
      if bytes > maxBytes and #entries > 0 then return entries end
      entries[#entries + 1] = entry
      if #entries == max then return entries end
    end
    skip = skip + #page
    length = #page == ${READ_AT_ONCE} and skip + 1 or skip
  end
  skip = skip - length
end
return entries`,
);

/** KEYS claims, claim · ARGV base, id */
export const FINISH = new LuaScript<number>(
  `#!lua flags=allow-oom
local base = ARGV[1]
${DROP}
return drop(ARGV[2])`,
);

/** KEYS worker seen */
export const SEEN = new LuaScript<unknown>(
  `#!lua flags=allow-oom
${NOW}
return redis.call('SET', KEYS[1], string.format('%.0f', now))`,
);

/** KEYS usage, waiting, claims · ARGV interval ms, threshold → 1 when a drain is due */
export const DUE = new LuaScript<number>(
  `#!lua flags=no-writes,allow-oom
${NOW}
if #redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, 1) > 0 then return 1 end
local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
if not oldest then return 0 end
local pending = tonumber(redis.call('HGET', KEYS[1], 'pending') or 0)
if pending >= tonumber(ARGV[2]) or now - tonumber(oldest) >= tonumber(ARGV[1]) then return 1 end
return 0`,
);

/**
 * Makes segments of the lists of release 0.1, and claims of its claims. A claim keeps its id and its order, and so its
 * cursor; one whose lease holds is left to its owner. RENAME moves no entry, however long the list is. They belong to no
 * account, so that an erasure of any account waits for them.
 *
 * KEYS usage, waiting · ARGV base, prefix, number of lists → how many were adopted
 */
export const ADOPT = new LuaScript<number>(
  `#!lua flags=allow-oom
local base, prefix, usage = ARGV[1], ARGV[2], KEYS[1]
${NOW}
local adopted = 0
local function adopt(list)
  local account = '${NO_ACCOUNT}'
  local segment = account .. ':' .. redis.call('INCR', base .. 'next')
  local key = base .. 'segment:' .. segment
  redis.call('RENAME', list, key)
  local length = redis.call('LLEN', key)
  local bytes = redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 20)
  redis.call('HSET', usage, 's:' .. segment, bytes)
  redis.call('HINCRBY', usage, 'a:' .. account, bytes)
  redis.call('HINCRBY', usage, 'bytes', bytes)
  redis.call('HINCRBY', usage, 'events', length)
  adopted = adopted + 1
  -- What cannot be dated may be as old as anything.
  return segment, length, account, string.match(redis.call('LINDEX', key, 0), '"r":(%d+)') or 0
end
for i = 0, tonumber(ARGV[3]) - 1 do
  local tag = prefix .. '{ingest:' .. i .. '}:'
  if redis.call('EXISTS', tag .. 'pending') == 1 then
    local segment, length, account, received = adopt(tag .. 'pending')
    if redis.call('RPUSH', base .. 'queue:' .. account, segment) == 1 then redis.call('RPUSH', base .. 'ring', account) end
    redis.call('ZADD', KEYS[2], received, segment)
    redis.call('HINCRBY', usage, 'pending', length)
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', tag .. 'claims', '-inf', now)) do
    if redis.call('EXISTS', tag .. 'claim:' .. id) == 1 then
      local segment, _, _, received = adopt(tag .. 'claim:' .. id)
      redis.call('RPUSH', base .. 'claim:' .. id, segment)
      redis.call('ZADD', base .. 'claimed', received, id)
      redis.call('ZADD', base .. 'claims', 0, id)
    end
    redis.call('ZREM', tag .. 'claims', id)
  end
end
return adopted`,
);
