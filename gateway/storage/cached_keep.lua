-- Keeps one answer, unless its URL was purged since it was asked for.
-- KEYS: where; what a purge of its URL leaves; likewise of one query; what says that there are answers for the URL; where
--   the names of the fields are that answers vary on (only where this one does).
-- ARGV: the answer; for how many milliseconds; the token that it was asked for with; the names.
local function read(key)
  local found = redis.pcall('GET', key)
  if type(found) == 'table' then return '?' end
  return found
end

-- Nothing outlives the answers that it is for: who asks for ever new URLs leaves nothing behind for long.
local function outlast(key, value, millis)
  local left = redis.call('PTTL', key)
  redis.call('SET', key, value, 'PX', math.max(left, millis))
end

local whole, query = read(KEYS[2]), read(KEYS[3])
local token = '0'
if whole or query then
  token = string.sub(redis.sha1hex((whole or '-') .. '/' .. (query or '-')), 1, 16)
end
if token ~= ARGV[3] then return 0 end
local millis = tonumber(ARGV[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', millis)
outlast(KEYS[4], '1', millis)
if KEYS[5] then outlast(KEYS[5], ARGV[4], millis) end
return 1
