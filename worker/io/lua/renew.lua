if not owned() then return 'lost' end
call('HSET', job, 'lease_until_ms', text(now + lease_ms))
return 'ok'
