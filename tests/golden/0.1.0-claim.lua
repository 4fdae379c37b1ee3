-- prelude.lua and claim.lua of 0.1.0, as that version runs them.
-- Before every script. KEYS: 1 job hash, 2 its timeline (one hash slot). ARGV 1..9 say who asks and about what:
-- owner, lease_ms, redrives, attempt, deferrals, fingerprint, type, queue, worker; 10: how long the record is kept, ms.
-- Each table, each function and each local that a function catches costs every script hundreds of instructions: the
-- functions here name KEYS and ARGV instead, and numbers stay the texts that they came as; Lua counts with them all the
-- same.
local call, job, events = redis.call, KEYS[1], KEYS[2]
local owner, lease_ms, keep_ms = ARGV[1], ARGV[2], ARGV[10]

local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local now_text = string.format('%d', now)

-- `entry` is the inside of a JSON object, already escaped. The latest hundred are kept.
local function note(entry)
  local len = redis.call('RPUSH', KEYS[2], '{"ts":' .. now_text .. ',"worker":"' .. ARGV[9] .. '",' .. entry .. '}')
  if len == 1 then
    redis.call('PEXPIRE', KEYS[2], ARGV[10])
  elseif len > 100 then
    redis.call('LTRIM', KEYS[2], -100, -1)
  end
end

-- A record of this generation that the asker owns.
local function own(...)
  redis.call('HSET', KEYS[1], 'state', 'running', 'owner', ARGV[1],
    'lease_until_ms', string.format('%d', now + ARGV[2]), 'lease_ms', ARGV[2],
    'redrives', ARGV[3], 'attempt', ARGV[4], 'deferrals', ARGV[5], 'fingerprint', ARGV[6], 'type', ARGV[7],
    'queue', ARGV[8], 'worker', ARGV[9], ...)
  redis.call('PEXPIRE', KEYS[1], ARGV[10])
end

-- Does the asker own the job? `record` begins with its owner and state, if they were read already. A record that Redis
-- lost is made again: nobody else can have claimed it since.
local function owned(record)
  record = record or redis.call('HMGET', KEYS[1], 'owner', 'state')
  if record[1] == ARGV[1] then return true end
  if record[2] then return false end
  own('starts', '1', 'created_ms', now_text, 'started_ms', now_text)
  note('"event":"record_lost"')
  return true
end
-- ARGV from 11: first seen ms ('' if unknown), alone ('1'), max_crashes, then what else the record is to hold: name,
-- value, ...
-- Answers a number for a new job, when it was first seen, else
-- {answer, lease_left_ms, created_ms, starts, decision, error, signal, {effect key...}, {intent...}}.
local first_seen, alone, max_crashes = ARGV[11], ARGV[12] == '1', tonumber(ARGV[13])

local function claim_entry(word)
  return '"event":"claim","answer":"' .. word .. '","attempt":' .. ARGV[4] .. ',"deferrals":' .. ARGV[5] ..
    ',"redrives":' .. ARGV[3]
end

local state = call('HGET', job, 'state')
if not state then -- as most jobs are: no more is done for them than this
  local created_ms = first_seen ~= '' and first_seen or now_text
  own('starts', '1', 'created_ms', created_ms, 'started_ms', now_text, unpack(ARGV, 14))
  note(claim_entry('new'))
  return tonumber(created_ms)
end

local CLAIM_FIELDS = {'state', 'owner', 'lease_until_ms', 'fingerprint', 'redrives', 'attempt', 'deferrals', 'starts',
  'decision', 'created_ms', 'error', 'signal', 'lease_ms'}
local r, values = {}, call('HMGET', job, unpack(CLAIM_FIELDS))
for i, name in ipairs(CLAIM_FIELDS) do r[name] = values[i] or '' end

-- The keys of what was sent, and of what was about to be sent by a run of this generation.
local function effects_and_intents()
  local effects, intents = {}, {}
  local generation = ARGV[3] .. '.' .. ARGV[4] .. '.' .. ARGV[5]
  local fields = call('HGETALL', job)
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if string.sub(name, 1, 7) == 'effect.' then
      effects[#effects + 1] = string.sub(name, 8)
    elseif string.sub(name, 1, 7) == 'intent.' and value == generation then
      intents[#intents + 1] = string.sub(name, 8)
    elseif name == 'intent' then -- by a worker that keeps but one
      intents[#intents + 1] = value
    end
  end
  return effects, intents
end

local function answer(word, lease_left)
  note(claim_entry(word))
  local effects, intents = {}, {}
  if word == 'resumed' or word == 'mine' or word == 'crashed' then effects, intents = effects_and_intents() end
  return {word, lease_left or 0, r.created_ms, r.starts, r.decision, r.error, r.signal, effects, intents}
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
  own('starts', r.starts, 'created_ms', r.created_ms, 'started_ms', now_text, unpack(ARGV, 14))
  call('PEXPIRE', events, keep_ms)
  return answer(word)
end

local function forget_run()
  call('HDEL', job, 'decision', 'intent', 'reason', 'error', 'finished_ms')
  r.decision, r.error = '', ''
end

if r.state == 'queued' then return take('new', 1) end
if r.state == 'dropped' then
  call('DEL', job)
  r.created_ms, r.decision, r.error, r.signal = '', '', '', ''
  return take('new', 1)
end
if r.fingerprint ~= ARGV[6] then return answer('conflict') end
if r.state == 'completed' then return answer('done') end

local age = order()
-- A decision that was settled but is still there: the broker was to move the original, so it is answered with.
if r.state == 'dead' and tonumber(ARGV[3]) <= (tonumber(r.redrives) or 0) then return answer('stale') end
if age < 0 then
  r.decision = ''
  return answer('stale')
end
if age > 0 then
  -- The copy exists, so its publish was confirmed or at least done: whoever held the older one has decided.
  forget_run()
  return take('resumed', 1)
end
if r.owner == owner then
  own()
  call('PEXPIRE', events, keep_ms)
  if r.decision == '' and (tonumber(r.starts) or 0) > max_crashes then return answer('crashed') end
  return answer('mine')
end
local lease_left = (tonumber(r.lease_until_ms) or 0) - now
if r.owner ~= '' and lease_left > 0 then
  -- More than a whole lease is left only if this clock has gone back; then it is a whole one from now.
  local whole = tonumber(r.lease_ms)
  if whole and lease_left > whole then
    lease_left = whole
    call('HSET', job, 'lease_until_ms', string.format('%d', now + whole))
  end
  return answer('busy', lease_left)
end
local starts = tonumber(r.starts) or 0
if r.decision ~= '' then return take('resumed', starts) end
-- One more than any start that may run has, so that a repeated claim is answered alike.
if starts >= max_crashes then return take('crashed', max_crashes + 1) end
if starts > 0 and not alone then return answer('suspect') end
return take('resumed', starts + 1)
