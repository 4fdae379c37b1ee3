-- ARGV 11: effect key or '', 12: provider's id, 13: effects_total, 14: how long to keep, 15: note.
local record = call('HMGET', job, 'owner', 'state', 'fingerprint', 'intent', 'decision', 'reason', 'error')
if record[2] == 'completed' and record[3] == ARGV[6] then return 'ok' end
if not owned(record) then return 'lost' end
local changes = {'state', 'completed', 'finished_ms', now_text, 'effects_done', ARGV[13], 'effects_total', ARGV[13],
  'owner', '', 'lease_until_ms', '0', 'starts', '0'}
if ARGV[11] ~= '' then
  changes[15], changes[16] = 'effect.' .. ARGV[11], ARGV[12]
end
call('HSET', job, unpack(changes))
if record[4] or record[5] or record[6] or record[7] then
  call('HDEL', job, 'intent', 'intent.' .. ARGV[11], 'decision', 'reason', 'error')
end
note(ARGV[15])
expire(ARGV[14])
return 'ok'
