-- Gives back a request that limits.lua took from each of several limits, in one step.
--
-- KEYS: as there.
-- ARGV: five for each limit: kind, limit, unit and depth as there, then
--   at     the microsecond at which it was taken, and `:`, and the one at which the limit was to be whole again
-- Gives how many were given back.
--
-- Nothing passes by it that would not have passed if the request had never come: a bucket that may have been full since
-- has its token again already; in a window exactly the part that counted the request loses it.

if redis.replicate_commands then
  redis.replicate_commands()
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function bucket(key, stored, unit, full)
  local left, since = struct.unpack('<dd', stored)
  if now >= full then
    return 0
  end
  local debt = left - math.max(0, now - since) - unit
  if debt <= 0 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, struct.pack('<dd', debt, now), 'PX', math.ceil(debt / 1000) + 1)
  end
  return 1
end

local function window(key, stored, unit, depth, at)
  local log, part = cmsgpack.unpack(stored), math.floor(at / unit)
  for i = 2, #log, 2 do
    if log[i] == part then
      log[1] = log[1] - 1
      log[i + 1] = log[i + 1] - 1
      if log[i + 1] == 0 then
        table.remove(log, i)
        table.remove(log, i)
      end
      local left = #log > 1 and (log[#log - 1] + depth + 1) * unit - now or 0
      if left <= 0 then
        redis.call('DEL', key)
      else
        redis.call('SET', key, cmsgpack.pack(log), 'PX', math.ceil(left / 1000) + 1)
      end
      return 1
    end
  end
  return 0
end

local given = 0
for i, key in ipairs(KEYS) do
  local kind, unit, depth = ARGV[i * 5 - 4], tonumber(ARGV[i * 5 - 2]), tonumber(ARGV[i * 5 - 1])
  local at, full = string.match(ARGV[i * 5], '^(%d+):(%d+)$')
  local stored = redis.call('GET', key)
  if stored and kind == 't' then
    given = given + bucket(key, stored, unit, tonumber(full))
  elseif stored then
    given = given + window(key, stored, unit, depth, tonumber(at))
  end
end
return given
