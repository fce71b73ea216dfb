-- Reads one kept answer, with what tells whether its URL was purged since.
-- KEYS: where it is; what a purge of its URL leaves; likewise of one query. ARGV: most octets.
-- Returns the answer, and a token of what purges have left. Whatever else is there in the place of an answer is nothing.
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
local whole, query = read(KEYS[2]), read(KEYS[3])
local token = '0'
if whole or query then
  token = string.sub(redis.sha1hex((whole or '-') .. '/' .. (query or '-')), 1, 16)
end
return {kept, token}
