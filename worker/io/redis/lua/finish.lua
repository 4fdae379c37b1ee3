-- Stands before the prelude and complete.lua. The end of a job whose record claim_new.lua wrote and nobody has changed since, by its
-- one effect: no look at what such a record cannot hold, no timeline, and no clock, as the worker tells how long it took.
-- KEYS: 1 job hash, 2 its timeline. ARGV: 1 owner, 2 how long the record is kept, ms, 3 "effect.KEY", 4 provider's id, 5 ms since the
-- claim, 6 who asks, for the slow way: "LEASE_MS REDRIVES ATTEMPT DEFERRALS FINGERPRINT KEEP_MS", type, queue and worker,
-- one a line; 7: '1' if others are to be told, or ''; if the record is to name the outlet, 8: "outlet.KEY", 9: the outlet.
local claimed = redis.call('HMGET', KEYS[1], 'owner', 'lease_ms', 'started_ms')
if claimed[1] == ARGV[1] and not claimed[2] then
  local finished = string.format('%d', claimed[3] + ARGV[5])
  redis.call('HSET', KEYS[1], 'state', 'completed', 'owner', '', 'lease_until_ms', '0', 'starts', '0', 'finished_ms', finished,
    'effects_done', '1', 'effects_total', '1', ARGV[3], ARGV[4], unpack(ARGV, 8))
  if ARGV[7] == '1' then redis.call('HSET', KEYS[1], 'event_due', 'completed:0.0.0:' .. finished) end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 'ok'
end
-- It is not so any more: what follows finds its arguments where complete.lua has them.
local keep, effect, provider, tells, outlet = ARGV[2], string.sub(ARGV[3], 8), ARGV[4], ARGV[7], ARGV[9] or ''
local words = {string.match(ARGV[6], '^(%d+) (%d+) (%d+) (%d+) (%S+) (%d+)\n([^\n]*)\n([^\n]*)\n([^\n]*)$')}
ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6] = words[1], words[2], words[3], words[4], words[5]
ARGV[7], ARGV[8], ARGV[9], ARGV[10] = words[7], words[8], words[9], words[6]
ARGV[11], ARGV[12], ARGV[13], ARGV[14] = effect, provider, '1', keep
ARGV[15] = '"event":"completed","effect":' .. cjson.encode(effect) .. ',"outlet":' ..
  cjson.encode(outlet ~= '' and outlet or 'mail') .. ',"outcome":"sent","provider_id":' .. cjson.encode(provider)
ARGV[16], ARGV[17], ARGV[18] = '', outlet, tells == '1' and '1' or nil
