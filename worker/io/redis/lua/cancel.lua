-- A job that waits is not to be done. Asked by commands and over HTTP: ARGV 1 to 8 are empty. 11: ms of the longest delay
-- tier, for a record that does not say when its copy comes. 12: there if others are to be told.
-- Answers {cancelled | runs | over | unknown, the state before, the effects that went out...}.
-- The generation is made one that no copy has: a worker of the first version takes every copy for one that came too late.
local r = call('HMGET', job, 'state', 'due_ms', 'redrives', 'attempt', 'deferrals', 'event_due')
local state = r[1]
if not state or state == 'dropped' then return {'unknown', ''} end
if state == 'running' then return {'runs', state} end
if state ~= 'queued' and state ~= 'retrying' and state ~= 'scheduled' then return {'over', state} end
local due = tonumber(r[2]) or now + ARGV[11]
if state == 'queued' or due < now then due = now end
local kept = string.format('%d', due - now + keep_ms)
local sent, fields = {}, call('HGETALL', job)
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 7) == 'effect.' then sent[#sent + 1] = string.sub(fields[i], 8) end
end
call('HSET', job, 'state', 'cancelled', 'redrives', string.format('%d', (tonumber(r[3]) or 0) + 1), 'owner', '',
  'lease_until_ms', '0', 'starts', '0', 'finished_ms', now_text)
call('HDEL', job, 'decision')
if ARGV[12] then
  call('HSET', job, 'event_due', (r[6] and string.sub(r[6], -600) .. ' ' or '') .. string.format('cancelled:%d.%d.%d:',
    (tonumber(r[3]) or 0) + 1, tonumber(r[4]) or 0, tonumber(r[5]) or 0) .. now_text)
end
note('"event":"cancelled","was":"' .. state .. '"')
call('PEXPIRE', job, kept)
call('PEXPIRE', events, kept)
return {'cancelled', state, unpack(sent)}
