-- ARGV 11: effect key or '', 12: provider's id, 13: effects_total, 14: how long to keep, 15: note, 16: '1' if the owner made
-- the record and has said nothing of it since, so that there is nothing to take back. 17: the
-- outlet by which the effect was sent, or ''. 18: there if others are to be told. The timeline was given its time by the claim.
local record = ARGV[16] == '1' and {call('HGET', job, 'owner')} or {}
if record[1] ~= owner then
  record = call('HMGET', job, 'owner', 'state', 'fingerprint', 'intent', 'decision', 'reason', 'error')
  if record[2] == 'completed' and record[3] == ARGV[6] then return 'ok' end
  if not owned(record) then return 'lost' end
else
  unfold()
end
local effect = ARGV[11] ~= '' and {'effect.' .. ARGV[11], ARGV[12]} or {}
if (ARGV[17] or '') ~= '' then effect[3], effect[4] = 'outlet.' .. ARGV[11], ARGV[17] end
if ARGV[18] then
  local due = call('HGET', job, 'event_due')
  effect[#effect + 1] = 'event_due'
  effect[#effect + 1] = (due and string.sub(due, -600) .. ' ' or '') .. 'completed:' .. ARGV[3] .. '.' .. ARGV[4] .. '.' .. ARGV[5] ..
    ':' .. now_text
end
call('HSET', job, 'state', 'completed', 'owner', '', 'lease_until_ms', '0', 'starts', '0', 'finished_ms', now_text,
  'effects_done', ARGV[13], 'effects_total', ARGV[13], unpack(effect))
call('PEXPIRE', job, ARGV[14])
if record[4] or record[5] or record[6] or record[7] then
  call('HDEL', job, 'intent', 'intent.' .. ARGV[11], 'decision', 'reason', 'error')
end
note(ARGV[15])
return 'ok'
