-- ARGV 11: the effect that is about to be sent, or ''. One that is recorded is not: this request was carried out late.
-- One intent for each effect, of value only to the generation that recorded it; `intent` is the latest, for workers of
-- the version that kept but one for each job.
-- If an effect goes by another outlet from now on, 12: how often that has happened in this run, 13 and 14: the field that says
-- by which, and its value. A request that is carried out late, after the next of its kind, changes nothing.
if not owned() then return 'lost' end
call('HSET', job, 'lease_until_ms', string.format('%d', now + lease_ms))
if ARGV[11] ~= '' and call('HEXISTS', job, 'effect.' .. ARGV[11]) == 0 then
  call('HSET', job, 'intent', ARGV[11], 'intent.' .. ARGV[11], ARGV[3] .. '.' .. ARGV[4] .. '.' .. ARGV[5])
end
if ARGV[12] then
  local by, moves = string.match(call('HGET', job, 'moved') or '', '^(%S+) (%d+)$')
  if by ~= owner or tonumber(moves) <= tonumber(ARGV[12]) then
    call('HSET', job, 'moved', owner .. ' ' .. ARGV[12], ARGV[13], ARGV[14])
  end
end
return 'ok'
