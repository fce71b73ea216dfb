-- Takes a request from each of several limits, or from none, in one step.
--
-- KEYS: one for each limit, all with the same hash tag.
-- ARGV: five for each limit:
--   kind   "t" token bucket, "s" sliding window
--   limit  requests in a window
--   unit   token bucket: microseconds that one token takes
--          sliding window: microseconds of a part
--   depth  token bucket: tokens of a full one; sliding window: parts of a window
--   want   requests to take, as far as there are so many: more than one to have some in advance, 0 to take none
-- Gives {1, limit that speaks, remaining, 0, Unix time when it is whole again, taken of each limit…, now in microseconds,
--     when each limit is whole again in microseconds…}
--    or {0, limit that speaks, 0, microseconds until there is something again, Unix time}.
--
-- The rules are those of gateway/limiting. The clock is that of Redis, the one that all instances share.

-- Redis 4 writes nothing after asking the time, unless effects are replicated in place of the script.
if redis.replicate_commands then
  redis.replicate_commands()
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- A rule reads what is stored into {state, requests that are free, microseconds until one is, whether the clock was set
-- back since: a server that takes over may be behind, and must not remember anything for longer than a window}.

-- {microseconds until the bucket is full}: time and not tokens is kept, so that what a reload makes another limit of it
-- is as full as it was, and whole when the client was told.
local function bucket(stored, limit, unit, depth)
  local debt, back = 0, false
  if stored then
    local left, since = struct.unpack('<dd', stored)
    debt = math.max(0, left - math.max(0, now - since))
    back = since > now
  end
  local tokens = depth - debt / unit
  return {debt}, math.floor(tokens + 1e-6), (1 - tokens) * unit, back
end

-- {total, part, count, part, count, ...} of the parts within the window
local function window(stored, limit, unit, depth)
  local part = math.floor(now / unit)
  local log, total, back = {0}, 0, false
  if stored then
    local before = cmsgpack.unpack(stored)
    back = #before > 1 and before[#before - 1] > part
    for i = 2, #before, 2 do
      local when, count = math.min(before[i], part), before[i + 1]
      if when >= part - depth then
        total = total + count
        if #log > 1 and log[#log - 1] == when then
          log[#log] = log[#log] + count
        else
          log[#log + 1] = when
          log[#log + 1] = count
        end
      end
    end
  end
  log[1] = total
  local wait = 0
  if total >= limit and #log > 1 then
    wait = math.min((log[2] + depth + 1) * unit - now, depth * unit)
  end
  return log, limit - total, wait, back
end

-- Microseconds until a limit is whole again.
local function whole(one)
  if one.kind == 't' then
    return one.state[1]
  elseif #one.state < 2 then
    return 0
  end
  return (one.state[#one.state - 1] + one.depth + 1) * one.unit - now
end

local function store(key, one)
  local octets = one.kind == 't' and struct.pack('<dd', one.state[1], now) or cmsgpack.pack(one.state)
  redis.call('SET', key, octets, 'PX', math.ceil(whole(one) / 1000) + 1)
end

local limits, refused = {}, nil
for i = 1, #KEYS do
  local at = i * 5 - 5
  local one = {kind = ARGV[at + 1], limit = tonumber(ARGV[at + 2]), unit = tonumber(ARGV[at + 3]),
               depth = tonumber(ARGV[at + 4]), want = tonumber(ARGV[at + 5])}
  local read = one.kind == 't' and bucket or window
  one.state, one.free, one.wait, one.back = read(redis.call('GET', KEYS[i]), one.limit, one.unit, one.depth)
  limits[i] = one
  if one.want > 0 and one.free < 1 and (not refused or one.wait > limits[refused].wait) then
    refused = i
  end
end

if refused then
  local one = limits[refused]
  for i, other in ipairs(limits) do
    if other.back then
      store(KEYS[i], other)
    end
  end
  return {0, refused, 0, math.ceil(one.wait), math.ceil((now + whole(one)) / 1000000)}
end

local answer, speaker, least, longest = {1, 0, 0, 0, 0}, nil, nil, nil
for i, one in ipairs(limits) do
  local taken = math.min(one.want, one.free)
  if taken > 0 then
    if one.kind == 't' then
      one.state[1] = one.state[1] + taken * one.unit
    else
      local log, part = one.state, math.floor(now / one.unit)
      log[1] = log[1] + taken
      if #log > 1 and log[#log - 1] == part then
        log[#log] = log[#log] + taken
      else
        log[#log + 1] = part
        log[#log + 1] = taken
      end
    end
    store(KEYS[i], one)
  end
  answer[5 + i] = taken
  local left, remaining = whole(one), math.min(one.limit, one.free - taken)
  if not least or remaining < least or (remaining == least and left > longest) then
    speaker, least, longest = i, remaining, left
  end
end
answer[2], answer[3], answer[5] = speaker, least, math.ceil((now + longest) / 1000000)
answer[6 + #KEYS] = now
for i, one in ipairs(limits) do
  answer[6 + #KEYS + i] = math.ceil(now + whole(one))
end
return answer
