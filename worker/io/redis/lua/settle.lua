-- The decision is carried out. ARGV 11: new state (retrying or dead), 12..14: generation of the copy, 15: note, 16: the
-- decision once more if no copy could be made and the broker is to move the original (should that come again, the claim
-- answers with it), else ''. Of a copy that waits, 17: for so many ms. Of a letter, 17: the decision, 18: its dead id, which
-- proves that a message is this very letter wherever it turns up.
if not owned() then return 'lost' end
call('HSET', job, 'state', ARGV[11], 'redrives', ARGV[12], 'attempt', ARGV[13], 'deferrals', ARGV[14],
  'owner', '', 'lease_until_ms', '0', 'starts', '0')
if (ARGV[16] or '') == '' then
  call('HDEL', job, 'decision')
else
  call('HSET', job, 'decision', ARGV[16])
end
note(ARGV[15])
if ARGV[11] == 'dead' then
  call('HSET', job, 'finished_ms', now_text, 'death', ARGV[17], 'dead_id', ARGV[18], 'dead_queue', ARGV[8])
  call('PERSIST', job)
  call('PERSIST', events)
else
  call('HSET', job, 'due_ms', string.format('%d', now + ARGV[17]))
  call('PEXPIRE', job, keep_ms)
  call('PEXPIRE', events, keep_ms)
end
return 'ok'
