-- ARGV 11: effect key or '', 12: provider's id, 13: effects_total, 14: how long to keep, 15: note.
local known = redis.call('HMGET', job, 'state', 'fingerprint')
if known[1] == 'completed' and known[2] == ARGV[6] then return 'ok' end
if not owned() then return 'lost' end
if ARGV[11] ~= '' then redis.call('HSET', job, 'effect.' .. ARGV[11], ARGV[12]) end
redis.call('HSET', job, 'state', 'completed', 'finished_ms', text(now), 'effects_done', ARGV[13], 'effects_total',
  ARGV[13], 'owner', '', 'lease_until_ms', '0', 'starts', '0')
redis.call('HDEL', job, 'intent', 'decision', 'reason', 'error')
note(ARGV[15])
expire(ARGV[14])
return 'ok'
