-- ARGV 11: the effect that is about to be sent.
if not owned() then return 'lost' end
redis.call('HSET', job, 'intent', ARGV[11], 'lease_until_ms', text(now + lease_ms))
return 'ok'
