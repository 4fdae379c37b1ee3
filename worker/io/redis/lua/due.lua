-- Changes that others are to be told of (of the prelude no more than its names are used). KEYS: 1 job hash. ARGV: 1 those that they
-- were told of, as the record said before, or '': none.
-- Answers the fields of the record, {name, value, ...}, if any is due; {} otherwise, and to who has told.
local due = redis.call('HGET', KEYS[1], 'event_due')
if not due then return {} end
local told = ARGV[1]
if told == '' then return redis.call('HGETALL', KEYS[1]) end
if due == told then
  redis.call('HDEL', KEYS[1], 'event_due')
elseif string.sub(due, 1, #told + 1) == told .. ' ' then
  redis.call('HSET', KEYS[1], 'event_due', string.sub(due, #told + 2))
end
return {}
