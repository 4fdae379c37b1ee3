-- Asked at each connect: may this user call what leveret needs? KEYS 1: a string, so that a command for another type is
-- refused for the type and changes nothing. ARGV: the commands with what follows the key. Answers the first that cannot
-- be called and why, or ''.
for _, line in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(line, '%S+') do words[#words + 1] = word end
  local name = table.remove(words, 1)
  local reply = name == 'TIME' and redis.pcall(name) or redis.pcall(name, KEYS[1], unpack(words))
  if type(reply) == 'table' and reply.err and not string.find(reply.err, 'WRONGTYPE', 1, true) then
    return name .. ': ' .. reply.err
  end
end
return ''
