/**
 * Takes events and bytes from the limits of an address, a key and an account at once: from all three, or from none.
 *
 * KEYS: a hash for each of the three, in that order, which lives for one window.
 * ARGV: the window in ms; events and bytes that each of the three may use in it; then events and bytes of each request.
 * Returns events, bytes and ms left of each of the three; then for each request the limit that refuses it: 0 for none, 1 and
 * 2 for the address's events and bytes, 3 and 4 for the key's, 5 and 6 for the account's.
 */
export const TAKE = `
local window = tonumber(ARGV[1])
local used, limit, left = {}, {}, {}
for i = 1, 3 do
  local found = redis.call('HMGET', KEYS[i], 'events', 'bytes')
  used[i * 2 - 1], used[i * 2] = tonumber(found[1] or 0), tonumber(found[2] or 0)
  limit[i * 2 - 1], limit[i * 2] = tonumber(ARGV[i * 2]), tonumber(ARGV[i * 2 + 1])
  left[i] = redis.call('PTTL', KEYS[i])
end
local refusals, taken = {}, false
for at = 8, #ARGV, 2 do
  local wanted = { tonumber(ARGV[at]), tonumber(ARGV[at + 1]) }
  local refusal = 0
  for i = 6, 1, -1 do
    if used[i] + wanted[(i - 1) % 2 + 1] > limit[i] then refusal = i end
  end
  if refusal == 0 then
    taken = true
    for i = 1, 6 do used[i] = used[i] + wanted[(i - 1) % 2 + 1] end
  end
  refusals[#refusals + 1] = refusal
end
local answer = {}
for i = 1, 3 do
  if taken then
    redis.call('HSET', KEYS[i], 'events', used[i * 2 - 1], 'bytes', used[i * 2])
    if left[i] < 0 then redis.call('PEXPIRE', KEYS[i], window) end
  end
  if left[i] < 0 then left[i] = window end
  for _, n in ipairs({ used[i * 2 - 1], used[i * 2], left[i] }) do answer[#answer + 1] = n end
end
for _, refusal in ipairs(refusals) do answer[#answer + 1] = refusal end
return answer
`;
