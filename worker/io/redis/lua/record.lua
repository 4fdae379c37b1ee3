-- ARGV 11: effect key, 12: 'sent' or 'refused', 13: the provider's id, 14: effects_done, 15: effects_total, 16: note,
-- 17: the outlet by which it was sent, if that is to be told.
if not owned() then return 'lost' end
if ARGV[12] == 'sent' then call('HSET', job, 'effect.' .. ARGV[11], ARGV[13]) end
if ARGV[17] then call('HSET', job, 'outlet.' .. ARGV[11], ARGV[17]) end
-- Not the intent of another: a request whose reply was lost may be carried out after its repetition.
call('HDEL', job, 'intent.' .. ARGV[11])
if call('HGET', job, 'intent') == ARGV[11] then call('HDEL', job, 'intent') end
call('HSET', job, 'lease_until_ms', string.format('%d', now + lease_ms), 'effects_done', ARGV[14],
  'effects_total', ARGV[15])
note(ARGV[16])
return 'ok'
