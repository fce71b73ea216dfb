-- Purges a URL, or one query of it: leaves marks that outlive what was kept before, and what is on its way.
-- KEYS: what says that there are answers for the URL; the marks. ARGV: a mark; for how many milliseconds an answer may be
--   on its way.
local left = math.max(redis.call('PTTL', KEYS[1]), 0)
for number = 2, #KEYS do
  redis.call('SET', KEYS[number], ARGV[1], 'PX', left + tonumber(ARGV[2]))
end
return 1
