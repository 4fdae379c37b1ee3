-- The decision is carried out. ARGV 11: new state (retrying or dead), 12..14: generation of the copy, 15: note, 16: the
-- decision once more if no copy could be made and the broker is to move the original (should that come again, the claim
-- answers with it), else ''.
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
  call('HSET', job, 'finished_ms', now_text)
  call('PERSIST', job)
  call('PERSIST', events)
else
  call('PEXPIRE', job, keep_ms)
  call('PEXPIRE', events, keep_ms)
end
return 'ok'
