-- Before every script. KEYS: 1 job hash, 2 its timeline (one hash slot). ARGV 1..9 say who asks and about what:
-- owner, lease_ms, redrives, attempt, deferrals, fingerprint, type, queue, worker; 10: how long the record is kept, ms.
-- Each function and each table made here costs every script a thousand instructions: numbers stay the texts that they
-- came as, and Lua counts with them all the same.
local call, job, events = redis.call, KEYS[1], KEYS[2]
local owner, lease_ms, keep_ms = ARGV[1], ARGV[2], ARGV[10]
local EVENTS_MAX = 100

local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local now_text = string.format('%d', now)

-- `entry` is the inside of a JSON object, already escaped.
local function note(entry)
  local len = call('RPUSH', events, '{"ts":' .. now_text .. ',"worker":"' .. ARGV[9] .. '",' .. entry .. '}')
  if len == 1 then
    call('PEXPIRE', events, keep_ms)
  elseif len > EVENTS_MAX then
    call('LTRIM', events, -EVENTS_MAX, -1)
  end
end

-- A record of this generation that the asker owns.
local function own(...)
  call('HSET', job, 'state', 'running', 'owner', owner, 'lease_until_ms', string.format('%d', now + lease_ms),
    'lease_ms', lease_ms,
    'redrives', ARGV[3], 'attempt', ARGV[4], 'deferrals', ARGV[5], 'fingerprint', ARGV[6], 'type', ARGV[7],
    'queue', ARGV[8], 'worker', ARGV[9], ...)
  call('PEXPIRE', job, keep_ms)
end

-- Does the asker own the job? `record` begins with its owner and state, if they were read already. A record that Redis
-- lost is made again: nobody else can have claimed it since.
local function owned(record)
  record = record or call('HMGET', job, 'owner', 'state')
  if record[1] == owner then return true end
  if record[2] then return false end
  own('starts', '1', 'created_ms', now_text, 'started_ms', now_text)
  note('"event":"record_lost"')
  return true
end
