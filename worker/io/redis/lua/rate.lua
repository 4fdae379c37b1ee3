-- Gives out the places of a rate that many workers share, one behind the other. Redis' clock is the only one: what a
-- worker tells of time is how far something is ahead, in us. KEYS 1: a hash. ARGV: us from one place to the next, places
-- wanted, the asker's weight, how far it is ahead of its own part, the second in which it was counted as left wanting,
-- how far in the future the first place may be for who is ahead and for who is not, ms of a pause for all, what is put
-- off (1: what is not given is counted, and the wait for it told), how many of the wanted were put off before.
-- Answers "count from ahead second again pause" (us but for the second); tests/unit/rate_ledger.h is the same in C.
local call, key = redis.call, KEYS[1]
local clock = call('TIME')
local second = tonumber(clock[1])
local now = second * 1000000 + tonumber(clock[2])
local step, wanted, weight, ahead = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local near, far, put_off = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[9] == '1'
local kept = call('HMGET', key, 'next', 'second', 'weight', 'askers', 'weight_before', 'askers_before', 'until', 'waiting', 'pause')

-- The first place that is not given yet. One far in the future was given before the clock was set back.
local from = tonumber(kept[1]) or now
if from < now or from > now + 5000000 + 2 * step then from = now end

-- Who was left wanting in this second and in the one before.
local weights, askers = tonumber(kept[3]) or 0, tonumber(kept[4]) or 0
local weights_before, askers_before = tonumber(kept[5]) or 0, tonumber(kept[6]) or 0
local since = tonumber(kept[2])
if since ~= second then
  weights_before, askers_before = 0, 0
  if since == second - 1 then weights_before, askers_before = weights, askers end
  weights, askers = 0, 0
end

-- A pause is never longer than it was when it began, whatever the clock does.
local pause = tonumber(kept[9]) or 0
local paused = math.min((tonumber(kept[7]) or 0) - now, pause)
if tonumber(ARGV[8]) * 1000 > paused then
  pause = tonumber(ARGV[8]) * 1000
  paused = pause
end
if paused <= 0 then paused, pause = 0, 0 end

-- From one place of the asker's own part to the next.
local own = step * math.max(weights, weights_before, weight) / weight
local room = (ahead <= 0 and far or near) - (from - now)
local given = 0
if wanted > 0 and paused == 0 and room > 0 then
  local most = math.max(1, math.floor(100000 / step))
  local batch = math.max(math.min(most, 10), math.min(most, math.floor(1000000 / own)))
  given = math.min(wanted, put_off and math.ceil(room / step) or batch)
end
local first = from - now
from = from + given * step
ahead = math.min(math.max(ahead, 0), 1000000) + given * own

local counted, again = tonumber(ARGV[5]), 0
local waiting = math.max(0, (tonumber(kept[8]) or 0) - tonumber(ARGV[10]))
if given < wanted then
  if counted ~= second then
    weights, askers, counted = weights + weight, askers + 1, second
  end
  if put_off then
    again = far + waiting * step
    waiting = waiting + wanted - given
  else
    local poll = 1000000 * math.max(askers, askers_before) / math.max(100, 100000 / step)
    local full = from - now
    if ahead <= 0 then
      again = math.max(full - far, poll / 2)
    else
      again = math.min(ahead, math.max(full - near, poll))
    end
    again = math.min(math.max(again, 1000), 1000000)
  end
  if paused > 0 then again = math.max(again, paused) end
end

local function whole(number) return string.format('%.0f', math.floor(number)) end
call('HSET', key, 'next', whole(from), 'second', clock[1], 'weight', weights, 'askers', askers,
  'weight_before', weights_before, 'askers_before', askers_before, 'until', whole(now + paused), 'pause', whole(pause),
  'waiting', waiting)
call('PEXPIRE', key, whole(math.max(60000, paused / 1000 + 1000, waiting > 0 and waiting * step / 1000 + 3600000 or 0)))
return whole(given) .. ' ' .. whole(first) .. ' ' .. whole(ahead) .. ' ' .. whole(counted) .. ' ' .. whole(again) ..
  ' ' .. whole(paused)
