-- ARGV 11: the effect that is about to be sent. One that is recorded is not: this request was carried out late.
-- One intent for each effect, of value only to the generation that recorded it; `intent` is the latest, for workers of
-- the version that kept but one for each job.
if not owned() then return 'lost' end
call('HSET', job, 'lease_until_ms', string.format('%d', now + lease_ms))
if call('HEXISTS', job, 'effect.' .. ARGV[11]) == 0 then
  call('HSET', job, 'intent', ARGV[11], 'intent.' .. ARGV[11], ARGV[3] .. '.' .. ARGV[4] .. '.' .. ARGV[5])
end
return 'ok'
