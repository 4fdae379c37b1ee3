-- Before every script. KEYS: 1 job hash, 2 its timeline (one hash slot). ARGV 1..9 say who asks and about what:
-- owner, lease_ms, redrives, attempt, deferrals, fingerprint, type, queue, worker; 10: how long the record is kept, ms.
local call = redis.call
local job, events = KEYS[1], KEYS[2]
local owner, lease_ms, keep_ms = ARGV[1], tonumber(ARGV[2]), ARGV[10]
local EVENTS_MAX = 100

local function text(number)
  return string.format('%.0f', number)
end

local clock = call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local now_text = text(now)

-- `entry` is the inside of a JSON object, already escaped.
local function note(entry)
  local len = call('RPUSH', events, '{"ts":' .. now_text .. ',"worker":"' .. ARGV[9] .. '",' .. entry .. '}')
  if len > EVENTS_MAX then call('LTRIM', events, -EVENTS_MAX, -1) end
end

local function expire(ms)
  call('PEXPIRE', job, ms)
  call('PEXPIRE', events, ms)
end

-- A record of this generation that the asker owns.
local function own(...)
  call('HSET', job, 'state', 'running', 'owner', owner, 'lease_until_ms', text(now + lease_ms), 'lease_ms', ARGV[2],
    'redrives', ARGV[3], 'attempt', ARGV[4], 'deferrals', ARGV[5], 'fingerprint', ARGV[6], 'type', ARGV[7],
    'queue', ARGV[8], 'worker', ARGV[9], ...)
end

-- Does the asker own the job? `record` begins with its owner and state, if they were read already. A record that Redis
-- lost is made again: nobody else can have claimed it since.
local function owned(record)
  record = record or call('HMGET', job, 'owner', 'state')
  if record[1] == owner then return true end
  if record[2] then return false end
  own('starts', '1', 'created_ms', now_text, 'started_ms', now_text)
  expire(keep_ms)
  note('"event":"record_lost"')
  return true
end
