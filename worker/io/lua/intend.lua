-- ARGV 11: the effect that is about to be sent. One that is recorded is not: this request was carried out late.
if not owned() then return 'lost' end
call('HSET', job, 'lease_until_ms', text(now + lease_ms))
if call('HEXISTS', job, 'effect.' .. ARGV[11]) == 0 then call('HSET', job, 'intent', ARGV[11]) end
return 'ok'
