-- How far a schedule is, by this clock alone (of the prelude no more than its clock is used). KEYS: 1 hash of the schedule. ARGV: 1 what is asked (look claim mark end miss
-- overlap), 2 the tick, ms, 3 up to when the asker knows its ticks to be done, ms, or '', 4 how long all this is kept, ms, 5 how many
-- ticks are given up, 6 the asker, 7 '1': the tick is published whatever comes.
-- Answers {answer, now, last_ms, ran_ms, claimed tick, left ms, sure}; ticker.h says what it means.
local key, asked, tick, known, asker = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[6]
local CLAIM_MS = 5000
local r = call('HMGET', key, 'last_ms', 'ran_ms', 'claim_ms', 'claimed_ms', 'worker', 'sure')
local last, ran, claim, claimed = tonumber(r[1]), tonumber(r[2]) or 0, tonumber(r[3]) or 0, tonumber(r[4]) or 0

local function text(number)
  return string.format('%d', number or 0)
end

-- Nobody knows how far it is: from now on, or from where a worker knows it to be.
if not last then
  last = known or now
  call('HSET', key, 'last_ms', text(last))
end
call('PEXPIRE', key, ARGV[4])

local function answer(word, left)
  return {word, now_text, text(last), text(ran), text(claim), text(left), r[6] == '1' and '1' or '0'}
end

-- A claim whose age cannot be, because the clock went back, is as old as it can be.
local function claim_left()
  local age = now - claimed
  return claim > last and age >= 0 and age < CLAIM_MS and CLAIM_MS - age or 0
end

if asked == 'look' then return answer('ok') end
if asked == 'end' then
  if tick > ran then
    ran = tick
    call('HSET', key, 'ran_ms', text(ran))
    call('HINCRBY', key, 'published', 1)
  end
  if tick > last then
    last = tick
    call('HSET', key, 'last_ms', text(last))
  end
  return answer('ok')
end
if tick <= last or last ~= known then return answer('moved') end
if now < tick then return answer('early') end
local mine = claim == tick and r[5] == asker
if asked == 'claim' then
  if claim == tick and not mine and claim_left() > 0 then return answer('busy', claim_left()) end
  local before = claim == tick
  if not before then r[6] = ARGV[7] end
  claim = tick
  call('HSET', key, 'claim_ms', text(tick), 'claimed_ms', text(now), 'worker', asker, 'sure', r[6] or '')
  return answer(before and 'again' or 'ok')
end
if asked == 'mark' then
  if not mine then return answer('moved') end
  call('HSET', key, 'sure', '1', 'claimed_ms', text(now))
  return answer('ok')
end
-- Given up: not what somebody is at, and never what may be published.
if claim > last and claim <= tick and (r[6] == '1' or not mine) then
  if claim_left() > 0 and r[5] ~= asker then return answer('busy', claim_left()) end
  if r[6] == '1' then return answer('again') end
end
last = tick
call('HSET', key, 'last_ms', text(last))
call('HINCRBY', key, asked == 'miss' and 'missed' or 'skipped', ARGV[5])
return answer('ok')
