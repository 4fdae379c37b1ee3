-- The last words of a worker: what ended the process while it had this job. ARGV 11: the signal's name or 'watchdog'.
-- Nothing is made or kept longer by it, and nothing is said of a job that is no longer the speaker's.
if call('HGET', job, 'owner') ~= owner then return 'lost' end
unfold()
call('HSET', job, 'signal', ARGV[11])
call('RPUSHX', events,
  '{"ts":' .. now_text .. ',"worker":"' .. ARGV[9] .. '","event":"killed","signal":"' .. ARGV[11] .. '"}')
return 'ok'
