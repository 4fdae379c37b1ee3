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

-- The record is as claim_new.lua wrote it: its timeline begins, before anything is changed that tells of it. (A worker of 0.1.0 that
-- takes the job over begins one with its own claim.) A worker's last words do not say how long to keep it; who takes the job over does.
local function unfold()
  local r = redis.call('HMGET', KEYS[1], 'state', 'lease_ms', 'started_ms', 'worker', 'lease_until_ms')
  if r[1] ~= 'running' or r[2] or not r[3] then return end
  redis.call('HSET', KEYS[1], 'lease_ms', string.format('%d', r[5] - r[3]))
  local len = redis.call('RPUSH', KEYS[2], '{"ts":' .. r[3] .. ',"worker":"' .. r[4] ..
    '","event":"claim","answer":"new","attempt":0,"deferrals":0,"redrives":0}')
  if len == 1 then redis.call('PEXPIRE', KEYS[2], ARGV[10] ~= '' and ARGV[10] or '604800000') end
end

-- Does the asker own the job? `record` begins with its owner and state, if they were read already. A record that Redis
-- lost is made again: nobody else can have claimed it since.
local function owned(record)
  record = record or redis.call('HMGET', KEYS[1], 'owner', 'state')
  if record[1] == ARGV[1] then
    unfold()
    return true
  end
  if record[2] then return false end
  own('starts', '1', 'created_ms', now_text, 'started_ms', now_text)
  note('"event":"record_lost"')
  return true
end
