if not owned() then return 'lost' end
call('HSET', job, 'lease_until_ms', string.format('%d', now + lease_ms))
return 'ok'
