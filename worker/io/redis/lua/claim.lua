-- ARGV from 11: first seen ms ('' if unknown), alone ('1'), max_crashes, "OUTSIDE DEAD_ID TIER DEATH [tellsN] [first]" (1 if the
-- message comes from outside for the first time, else 0; the dead id that it carries, or -; ms of the longest delay tier;
-- the left_ms of an answer `dead`, else 0; bits of the changes that others are told of; on_conflict), then what else the record is to hold: name, value, ...
-- Answers a number for a new job, when it was first seen, else
-- {answer, left_ms, created_ms, starts, decision, error, signal, {effect key...}, {intent...}, redrives, attempt,
-- deferrals, queue, {name, value...}, doubt, age, first}: the generation that the job now has; the queue whose index of dead letters
-- is to forget the dead id that the message carries, or ''; the fields that tell of tries and outlets; when a start that had
-- no end was seen last, or '', how many ms ago, and how many ms ago the first such start began.
local first_seen, alone, max_crashes = ARGV[11], ARGV[12] == '1', tonumber(ARGV[13])

local function claim_entry(word)
  return '"event":"claim","answer":"' .. word .. '","attempt":' .. ARGV[4] .. ',"deferrals":' .. ARGV[5] ..
    ',"redrives":' .. ARGV[3]
end

local state = call('HGET', job, 'state')
if not state then -- and not as claim_new.lua has them
  local created_ms = first_seen ~= '' and first_seen or now_text
  own('starts', '1', 'created_ms', created_ms, 'started_ms', now_text, unpack(ARGV, 15))
  note(claim_entry('new'))
  return tonumber(created_ms)
end

local CLAIM_FIELDS = {'state', 'owner', 'lease_until_ms', 'fingerprint', 'redrives', 'attempt', 'deferrals', 'starts',
  'decision', 'created_ms', 'error', 'signal', 'lease_ms', 'due_ms', 'reason', 'death', 'dead_id', 'dead_queue',
  'finished_ms', 'started_ms', 'doubt_ms', 'doubt_from_ms'}
local r, values = {}, call('HMGET', job, unpack(CLAIM_FIELDS))
for i, name in ipairs(CLAIM_FIELDS) do r[name] = values[i] or '' end
if r.state == 'running' and r.lease_ms == '' then
  unfold()
  r.lease_ms = call('HGET', job, 'lease_ms') or ''
end
local outside, dead_id, tier_ms, named_death = string.match(ARGV[14], '^(%d) (%S+) (%d+) (%d+)')
-- A copy that waits may be late by as much before it counts as lost.
local LATE_MS = 30000
-- No deliver-at is further ahead: 400 days, and one for clocks that differ.
local SCHEDULE_MS = 401 * 86400000

-- The job goes on as this generation, whatever its message says.
local function become(redrives, attempt, deferrals)
  ARGV[3] = string.format('%d', tonumber(redrives) or 0)
  ARGV[4] = string.format('%d', tonumber(attempt) or 0)
  ARGV[5] = string.format('%d', tonumber(deferrals) or 0)
end

-- The keys of what was sent, and of what was about to be sent by a run of this generation; the fields that tell of tries
-- and of the plan.
local function effects_and_intents()
  local effects, intents, tries = {}, {}, {}
  local generation = ARGV[3] .. '.' .. ARGV[4] .. '.' .. ARGV[5]
  local fields = call('HGETALL', job)
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if string.sub(name, 1, 7) == 'effect.' then
      effects[#effects + 1] = string.sub(name, 8)
    elseif string.sub(name, 1, 4) == 'try.' or string.sub(name, 1, 7) == 'outlet.' or
      string.sub(name, 1, 6) == 'spent.' or name == 'plan' or name == 'plan_deaths' then
      tries[#tries + 1], tries[#tries + 2] = name, value
    elseif string.sub(name, 1, 7) == 'intent.' and value == generation then
      intents[#intents + 1] = string.sub(name, 8)
    elseif name == 'intent' then -- by a worker that keeps but one
      intents[#intents + 1] = value
    end
  end
  return effects, intents, tries
end

local function ago(ms)
  return tonumber(ms) and now - ms or 0
end

local function answer(word, left)
  note(claim_entry(word))
  local effects, intents, tries, queue = {}, {}, {}, ''
  if word == 'resumed' or word == 'mine' or word == 'crashed' then
    effects, intents, tries = effects_and_intents()
    if dead_id == r.dead_id then queue = r.dead_queue end
  end
  return {word, left or 0, r.created_ms, r.starts, r.decision, r.error, r.signal, effects, intents, ARGV[3], ARGV[4],
    ARGV[5], queue, tries, r.doubt_ms, ago(r.doubt_ms), ago(r.doubt_from_ms)}
end

-- -1, 0, 1: this copy is older than, as old as, newer than the record.
local function order()
  local mine = {tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])}
  local known = {tonumber(r.redrives) or 0, tonumber(r.attempt) or 0, tonumber(r.deferrals) or 0}
  for i = 1, 3 do
    if mine[i] ~= known[i] then return mine[i] < known[i] and -1 or 1 end
  end
  return 0
end

-- Takes the job; `starts` counts the runs that had no end.
local function take(word, starts)
  r.starts = string.format('%d', starts)
  if r.signal ~= '' and word ~= 'crashed' then
    call('HDEL', job, 'signal')
    r.signal = ''
  end
  if r.created_ms == '' then r.created_ms = first_seen ~= '' and first_seen or now_text end
  own('starts', r.starts, 'created_ms', r.created_ms, 'started_ms', now_text, unpack(ARGV, 15))
  call('PEXPIRE', events, keep_ms)
  return answer(word)
end

-- A start had no end: whatever it was to send may have gone out.
local function doubt()
  r.doubt_ms = now_text
  if r.doubt_from_ms == '' then r.doubt_from_ms = tonumber(r.started_ms) and r.started_ms or now_text end
  call('HSET', job, 'doubt_ms', now_text, 'doubt_from_ms', r.doubt_from_ms)
end

-- A start had no end and no decision, and the files that say what the type is have changed since: what went out then need not be
-- what goes out now.
local function compare_types()
  for i = 15, #ARGV, 2 do
    local known = ARGV[i] == 'types' and call('HGET', job, 'types')
    if known and known ~= ARGV[i + 1] then
      note('"event":"types_changed","from":"' .. known .. '","to":"' .. ARGV[i + 1] .. '"')
    end
  end
end

local function forget_run()
  call('HDEL', job, 'decision', 'intent', 'reason', 'error', 'finished_ms', 'death')
  r.decision, r.error = '', ''
end

-- A job that is dead. Nobody can prove that its letter still exists: a queue may have been purged. So no message for it is
-- ever just acked.
local function claim_dead()
  local redrives = tonumber(r.redrives) or 0
  if tonumber(ARGV[3]) > redrives then
    forget_run()
    return take('resumed', 1)
  end
  -- A decision that was settled but is still there: the broker was to move the original, so it is answered with.
  if r.decision ~= '' then return answer('stale') end
  -- This very death has to be named, so that a request which is carried out late changes nothing.
  local death = r.finished_ms ~= '' and r.finished_ms or '1'
  if death ~= named_death then return answer('dead', tonumber(death)) end
  become(redrives, r.attempt, r.deferrals)
  local _, intents = effects_and_intents()
  local is_letter = dead_id == r.dead_id
  local maybe_sent = r.reason == 'ambiguous_send' or #intents > 0
  if is_letter or (outside == '1' and not maybe_sent) then
    -- Somebody moved the letter, or sent the message again: as a redrive. What was recorded is not done again.
    become(redrives + 1, 0, 0)
    forget_run()
    return take('resumed', 1)
  end
  -- A copy of the life that ended, or of what may have been sent: it becomes a letter again, of the same death.
  r.decision = r.death ~= '' and r.death or 'dead -1 0 ' .. r.reason
  call('HSET', job, 'decision', r.decision)
  return take('resumed', 0)
end

if r.state == 'queued' then return take('new', 1) end
if r.state == 'dropped' then
  call('DEL', job)
  r.created_ms, r.decision, r.error, r.signal, r.doubt_ms = '', '', '', '', ''
  return take('new', 1)
end
-- Other content under this id is superfluous only beside a job of the same kind that goes on or went well.
local function is_first()
  if string.sub(ARGV[14], -6) ~= ' first' or r.state == 'dead' or r.state == 'cancelled' then return false end
  local known = call('HMGET', job, 'type', 'queue')
  return known[1] == ARGV[7] and known[2] == ARGV[8]
end

if r.state == 'cancelled' and r.fingerprint == '' then r.fingerprint = ARGV[6] end
if r.fingerprint ~= ARGV[6] then return answer(is_first() and 'first' or 'conflict') end
if r.state == 'cancelled' then return answer('cancelled') end
if r.state == 'completed' then return answer('done') end
if r.owner == owner then
  become(r.redrives, r.attempt, r.deferrals)
  own()
  call('PEXPIRE', events, keep_ms)
  if r.decision == '' and (tonumber(r.starts) or 0) > max_crashes then return answer('crashed') end
  return answer('mine')
end
if r.state == 'dead' then return claim_dead() end

-- The copy came before whoever made it had recorded so: that change of the job is due as well.
local function overtaken()
  local tells = tonumber(string.match(ARGV[14], ' tells(%d+)') or 0)
  local kind, change, bit, generation = string.match(r.decision, '^%a+')
  if kind == 'dead' then
    change, bit, generation = 'dead', 2, {r.redrives, r.attempt, r.deferrals}
  elseif kind == 'retry' or kind == 'defer' then
    change, bit, generation = 'retrying', 4, {ARGV[3], ARGV[4], ARGV[5]}
  end
  if not change or math.floor(tells / bit) % 2 == 0 then return end
  local due = call('HGET', job, 'event_due')
  call('HSET', job, 'event_due', (due and string.sub(due, -600) .. ' ' or '') .. change .. ':' .. table.concat(generation, '.') .. ':' .. now_text)
end

local age = order()
if age > 0 then
  -- The copy exists, so its publish was confirmed or at least done: whoever held the older one has decided. If not, Redis
  -- has forgotten it, or an operator's tool made the copy.
  if r.owner ~= '' and r.decision == '' then doubt() end
  if r.decision ~= '' then overtaken() end
  forget_run()
  return take('resumed', 1)
end
local lease_left = (tonumber(r.lease_until_ms) or 0) - now
if r.owner ~= '' and lease_left > 0 then
  -- More than a whole lease is left only if this clock has gone back; then it is a whole one from now.
  local whole = tonumber(r.lease_ms)
  if whole and lease_left > whole then
    lease_left = whole
    call('HSET', job, 'lease_until_ms', string.format('%d', now + whole))
  end
  if age == 0 then return answer('busy', lease_left) end
end
if age < 0 then
  -- A greater copy exists, unless the broker lost it or somebody purged its queue. It is waited for as long as it may take
  -- to come; who waited in vain is the job from then on.
  local due = now + lease_left
  if r.state ~= 'running' then
    due = tonumber(r.due_ms)
    -- What is scheduled waits longer than any tier, but not longer than anything may.
    local most = r.state == 'scheduled' and SCHEDULE_MS or tonumber(tier_ms)
    if not due or due > now + most then
      due = now + most
      call('HSET', job, 'due_ms', string.format('%d', due))
    end
  end
  if due + LATE_MS > now then
    r.decision = ''
    return answer('waiting', due + LATE_MS - now)
  end
  if r.state ~= 'running' then
    become(r.redrives, r.attempt, (tonumber(r.deferrals) or 0) + 1)
    forget_run()
    return take('resumed', 1)
  end
  become(r.redrives, r.attempt, r.deferrals)
end
local starts = tonumber(r.starts) or 0
if r.decision ~= '' then return take('resumed', starts) end
if starts > 0 and (alone or starts >= max_crashes) then doubt() end
-- One more than any start that may run has, so that a repeated claim is answered alike.
if starts >= max_crashes then return take('crashed', max_crashes + 1) end
if starts > 0 and not alone then return answer('suspect') end
if starts > 0 then compare_types() end
return take('resumed', starts + 1)
