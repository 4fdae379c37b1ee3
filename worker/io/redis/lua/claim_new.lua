-- Stands before the prelude of claim.lua. A new job's record is written at once, as most are: its timeline, with the one
-- entry that those very fields tell (record_timeline.h), and lease_ms, which is lease_until_ms - started_ms, are left out until a
-- script other than this and finish.lua has to do with it: unfold() in the prelude. To workers of 0.1.0 it is a record as theirs.
-- KEYS: 1 job hash, 2 its timeline. ARGV: 1 owner, 2 lease_ms, 3 how long the record is kept, ms, 4 fingerprint, 5 type, 6 queue,
-- 7 worker, 8 "REDRIVES ATTEMPT DEFERRALS FIRST_SEEN ALONE MAX_CRASHES ..." (FIRST_SEEN: - if unknown), from 9 what else the
-- record is to hold: name, value, ... Each argument and each field costs, so few are.
if string.sub(ARGV[8], 1, 8) == '0 0 0 - ' and not redis.call('HGET', KEYS[1], 'state') then
  local clock = redis.call('TIME')
  local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  local now_text = string.format('%d', now)
  redis.call('HSET', KEYS[1], 'state', 'running', 'owner', ARGV[1], 'lease_until_ms', string.format('%d', now + ARGV[2]),
    'redrives', '0', 'attempt', '0', 'deferrals', '0', 'fingerprint', ARGV[4], 'type', ARGV[5], 'queue', ARGV[6],
    'worker', ARGV[7], 'starts', '1', 'created_ms', now_text, 'started_ms', now_text, unpack(ARGV, 9))
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return now
end
-- What follows finds its arguments where all scripts have them.
local keep, more = ARGV[3], {unpack(ARGV, 9)}
local words = {string.match(ARGV[8], '^(%d+) (%d+) (%d+) (%S+) (%d) (%d+) (.*)$')}
ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10] = ARGV[4], ARGV[5], ARGV[6], ARGV[7], keep
ARGV[3], ARGV[4], ARGV[5] = words[1], words[2], words[3]
ARGV[11], ARGV[12], ARGV[13], ARGV[14] = words[4] == '-' and '' or words[4], words[5], words[6], words[7]
for i = 1, #more do ARGV[14 + i] = more[i] end
