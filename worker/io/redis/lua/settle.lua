-- The decision is carried out. ARGV 11: new state (retrying, scheduled or dead), 12..14: generation of the copy, 15: note, 16:
-- the decision once more if no copy could be made and the broker is to move the original (should that come again, the claim
-- answers with it), else ''. Of a copy that waits, 17: for so many ms, 18: the decision. Of a letter, 17: the decision, 18: its
-- dead id, which proves that a message is this very letter wherever it turns up. Of a message for later, 17: when it is due, ms
-- since 1970, 18: how long its copy waits, 19: the decision. Of the other two, 19: there if others are to be told.
if not owned() then
  -- Whoever has the job now found this very decision, of which a copy is confirmed: it is carried out. The owner may be dead,
  -- and its delivery the asker's, so that nobody else would come to settle it.
  local known = call('HMGET', job, 'decision', 'redrives', 'attempt', 'deferrals', 'fingerprint', 'state')
  local decision = ARGV[11] == 'dead' and ARGV[17] or ARGV[11] == 'scheduled' and ARGV[19] or ARGV[18]
  if known[1] ~= decision or known[2] ~= ARGV[3] or known[3] ~= ARGV[4] or known[4] ~= ARGV[5] or
    known[5] ~= ARGV[6] or known[6] ~= 'running' then return 'lost' end
end
call('HSET', job, 'state', ARGV[11], 'redrives', ARGV[12], 'attempt', ARGV[13], 'deferrals', ARGV[14],
  'owner', '', 'lease_until_ms', '0', 'starts', '0')
if (ARGV[16] or '') == '' then
  call('HDEL', job, 'decision')
else
  call('HSET', job, 'decision', ARGV[16])
end
note(ARGV[15])
if ARGV[19] and ARGV[11] ~= 'scheduled' then
  local due = call('HGET', job, 'event_due')
  call('HSET', job, 'event_due', (due and string.sub(due, -600) .. ' ' or '') .. ARGV[11] .. ':' .. ARGV[12] .. '.' .. ARGV[13] ..
    '.' .. ARGV[14] .. ':' .. now_text)
end
if ARGV[11] == 'dead' then
  call('HSET', job, 'finished_ms', now_text, 'death', ARGV[17], 'dead_id', ARGV[18], 'dead_queue', ARGV[8])
  call('PERSIST', job)
  call('PERSIST', events)
elseif ARGV[11] == 'scheduled' then
  local due = tonumber(ARGV[17])
  if now + ARGV[18] > due + 10000 then due = now + ARGV[18] end -- its publisher was frozen: it comes late
  local kept = string.format('%d', math.max(due - now, 0) + keep_ms)
  call('HSET', job, 'due_ms', string.format('%d', due))
  call('PEXPIRE', job, kept)
  call('PEXPIRE', events, kept)
else
  call('HSET', job, 'due_ms', string.format('%d', now + ARGV[17]))
  call('PEXPIRE', job, keep_ms)
  call('PEXPIRE', events, keep_ms)
end
return 'ok'
