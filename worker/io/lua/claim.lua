-- ARGV from 11: subject, correlation_id, app_id, first seen ms ('' if unknown), alone ('1'), max_crashes.
-- Answers {answer, lease_left_ms, created_ms, starts, decision, intent, error, effect key...}.
local CLAIM_FIELDS = {'state', 'owner', 'lease_until_ms', 'fingerprint', 'redrives', 'attempt', 'deferrals', 'starts',
  'decision', 'created_ms', 'intent', 'error', 'lease_ms'}
local subject, correlation_id, app_id, first_seen = ARGV[11], ARGV[12], ARGV[13], ARGV[14]
local alone, max_crashes = ARGV[15] == '1', tonumber(ARGV[16])

local r = {state = call('HGET', job, 'state') or '', created_ms = '', decision = '', intent = '', error = ''}
if r.state ~= '' then -- most jobs are new
  local values = call('HMGET', job, unpack(CLAIM_FIELDS))
  for i, name in ipairs(CLAIM_FIELDS) do r[name] = values[i] or '' end
end

local function answer(word, lease_left)
  note('"event":"claim","answer":"' .. word .. '","attempt":' .. ARGV[4] .. ',"deferrals":' .. ARGV[5] ..
    ',"redrives":' .. ARGV[3])
  local reply = {word, lease_left or 0, r.created_ms, r.starts, r.decision, r.intent, r.error}
  if word == 'resumed' or word == 'mine' or word == 'crashed' then
    for _, field in ipairs(call('HKEYS', job)) do
      if string.sub(field, 1, 7) == 'effect.' then reply[#reply + 1] = string.sub(field, 8) end
    end
  end
  return reply
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
  r.starts = text(starts)
  if r.created_ms == '' then r.created_ms = first_seen ~= '' and first_seen or now_text end
  local more = {'starts', r.starts, 'created_ms', r.created_ms, 'started_ms', now_text}
  local function add(field, value)
    if value == '' then return end
    more[#more + 1] = field
    more[#more + 1] = value
  end
  add('subject', subject)
  add('correlation_id', correlation_id)
  add('app_id', app_id)
  own(unpack(more))
  expire(keep_ms)
  return answer(word)
end

local function forget_run()
  call('HDEL', job, 'decision', 'intent', 'reason', 'error', 'finished_ms')
  r.decision, r.intent, r.error = '', '', ''
end

if r.state == '' or r.state == 'queued' then return take('new', 1) end
if r.state == 'dropped' then
  call('DEL', job)
  r.created_ms, r.decision, r.intent, r.error = '', '', '', ''
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
  expire(keep_ms)
  if r.decision == '' and (tonumber(r.starts) or 0) > max_crashes then return answer('crashed') end
  return answer('mine')
end
local lease_left = (tonumber(r.lease_until_ms) or 0) - now
if r.owner ~= '' and lease_left > 0 then
  -- More than a whole lease is left only if this clock has gone back; then it is a whole one from now.
  local whole = tonumber(r.lease_ms)
  if whole and lease_left > whole then
    lease_left = whole
    call('HSET', job, 'lease_until_ms', text(now + whole))
  end
  return answer('busy', lease_left)
end
local starts = tonumber(r.starts) or 0
if r.decision ~= '' then return take('resumed', starts) end
-- One more than any start that may run has, so that a repeated claim is answered alike.
if starts >= max_crashes then return take('crashed', max_crashes + 1) end
if starts > 0 and not alone then return answer('suspect') end
return take('resumed', starts + 1)
