-- ARGV 11: decision, 12: reason, 13: error, 14: effects_total, 15: note, 16: the effect that was definitely
-- refused, whose intent is void, or ''. From 17: fields that tell of the tries, name, value, ...
if not owned() then return 'lost' end
call('HSET', job, 'decision', ARGV[11], 'reason', ARGV[12], 'error', ARGV[13], 'effects_total', ARGV[14],
  'lease_until_ms', string.format('%d', now + lease_ms))
if ARGV[16] ~= '' then
  call('HDEL', job, 'intent.' .. ARGV[16])
  if call('HGET', job, 'intent') == ARGV[16] then call('HDEL', job, 'intent') end
end
if ARGV[17] then call('HSET', job, unpack(ARGV, 17)) end
note(ARGV[15])
return 'ok'
