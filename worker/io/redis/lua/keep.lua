-- The plan that all later runs carry out. KEYS 3: where it is kept. ARGV 11: the plan, 12: its digest, by which it is known.
if not owned() then return 'lost' end
call('SET', KEYS[3], ARGV[11], 'PX', keep_ms)
call('HSET', job, 'plan', ARGV[12], 'lease_until_ms', string.format('%d', now + lease_ms))
return 'ok'
