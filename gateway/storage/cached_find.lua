-- Reads one kept answer, with what tells whether its URL was purged since.
-- KEYS: where it is; what a purge of its URL leaves; likewise of one query. ARGV: most octets.
-- Whatever else is there in its place counts as nothing.
local function read(key)
  local found = redis.pcall('GET', key)
  if type(found) == 'table' then return '?' end
  return found
end

local kept = false
local length = redis.pcall('STRLEN', KEYS[1])
if type(length) == 'number' and length > 0 and length <= tonumber(ARGV[1]) then
  kept = redis.call('GET', KEYS[1])
end
return {kept, read(KEYS[2]), read(KEYS[3])}
