-- A message was published and no worker has seen it yet, as far as is known. KEYS: 1 job hash. ARGV: 1 type, 2 how long the record is
-- kept, ms.
local state = call('HGET', KEYS[1], 'state')
if state == 'dropped' then call('DEL', KEYS[1]) end
if not state or state == 'dropped' then
  call('HSET', KEYS[1], 'state', 'queued', 'type', ARGV[1], 'created_ms', now_text)
  call('PEXPIRE', KEYS[1], ARGV[2])
end
return 'ok'
