-- The purges of many answers at once: each has a number, and an answer knows the number of the last one before it.
-- KEYS: the last number; purges by their numbers (a sorted set); the largest number that is not in the set any more.
-- ARGV: the number to begin with where there is none; how many purges are remembered; the last number that is known to
--   who asks; what is to be purged: empty for nothing, '*' for everything.
-- Returns the last number, the largest forgotten one, and the purges after the known one with their numbers.
local function text(number) return string.format('%.0f', number) end


-- A double tells all whole numbers below 2^53 apart; what is no such number is not ours.
local function read(key)
  local found = redis.pcall('GET', key)
  local number = type(found) == 'string' and tonumber(found)
  return number and number > 0 and number < 9007199254000000 and number or nil
end

local last, forgotten = read(KEYS[1]), read(KEYS[3])
local known, what = tonumber(ARGV[3]), ARGV[4]
if not last or not forgotten or last < known or last < forgotten then
  -- Redis lost what it had, or the last of it: whatever was kept before now may have been purged.
  last = math.max(last or 0, known, tonumber(ARGV[1])) + 1
  forgotten = last
  redis.call('DEL', KEYS[2])
end
if redis.call('TYPE', KEYS[2]).ok ~= 'zset' then redis.call('DEL', KEYS[2]) end
if what ~= '' then
  last = last + 1
  if what == '*' then
    forgotten = last
    redis.call('DEL', KEYS[2])
  else
    redis.call('ZADD', KEYS[2], text(last), what)
  end
end
while redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[2]) do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  redis.call('ZREM', KEYS[2], oldest[1])
  forgotten = math.max(forgotten, tonumber(oldest[2]))
end
redis.call('SET', KEYS[1], text(last))
redis.call('SET', KEYS[3], text(forgotten))
local since = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(known), '+inf', 'WITHSCORES')
return {text(last), text(forgotten), since}
