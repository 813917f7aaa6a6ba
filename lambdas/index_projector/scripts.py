"""What has to happen in Redis all at once. One server has everything, so scripts may touch any key."""

from __future__ import annotations

from realtime_core.redis.client import Script

SETTLE = Script("""
-- Sets memberships to what the table said, each only where nobody claimed it since it was read.
-- KEYS: meta, claims, touched, then the sorted set of each; ARGV: claim, then connection and score of each
-- ('' for no member). Answers the numbers of those that somebody else has claimed.
local state = redis.call('HGET', KEYS[1], 'state')
local lost = {}
for n = 1, #KEYS - 3 do
  local key, id, score = KEYS[n + 3], ARGV[2 * n], ARGV[2 * n + 1]
  local field = key .. ' ' .. id
  if redis.call('HGET', KEYS[2], field) ~= ARGV[1] then
    lost[#lost + 1] = n
  else
    if state == 'ready' or state == 'building' then
      if score == '' then
        redis.call('ZREM', key, id)
      else
        redis.call('ZADD', key, score, id)
      end
      if state == 'building' then
        redis.call('SADD', KEYS[3], field)
      end
    end
    redis.call('HDEL', KEYS[2], field)
  end
end
return lost
""")

LIST = Script("""
-- Lists groups of a topic. What is known only grows, so the order in which this is said does not matter.
-- KEYS: meta, the topic's hash, topics; ARGV: topic, then id, expiry, shards and filter of each.
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'ready' and state ~= 'building' then
  return 0
end
local changed = 0
for n = 2, #ARGV, 4 do
  local id, expires, shards, filter = ARGV[n], tonumber(ARGV[n + 1]), tonumber(ARGV[n + 2]), ARGV[n + 3]
  local known = redis.call('HGET', KEYS[2], id)
  local new = true
  if known then
    local before, over = string.match(known, '^(%d+) (%d+) ')
    new = tonumber(over) < shards
    expires, shards = math.max(tonumber(before), expires), math.max(tonumber(over), shards)
  end
  redis.call('HSET', KEYS[2], id, string.format('%d %d %s', expires, shards, filter))
  if new then
    changed = changed + 1
  end
end
if changed > 0 then
  redis.call('HINCRBY', KEYS[2], '@version', 1)
end
redis.call('SADD', KEYS[3], ARGV[1])
return changed
""")

UNLIST = Script("""
-- Removes groups of a topic that have ended, unless they were listed anew.
-- KEYS: meta, the topic's hash; ARGV: id and expiry of each. Answers how many.
local changed = 0
for n = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[2], ARGV[n])
  if known and tonumber(string.match(known, '^(%d+) ')) <= tonumber(ARGV[n + 1]) then
    redis.call('HDEL', KEYS[2], ARGV[n])
    changed = changed + 1
  end
end
if changed > 0 then
  redis.call('HINCRBY', KEYS[2], '@version', 1)
end
return changed
""")

# The index is built by whoever holds the lease, under an epoch of its own: who was too slow, and lost both,
# finds the epoch changed and can do no more harm.
_MINE = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'state') ~= '%s' then
  return -1
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
"""

BEGIN = Script("""
-- KEYS: meta, lease; ARGV: epoch, which is also the lease's text, milliseconds, server, format, time.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return -1
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'state', 'clearing', 'epoch', ARGV[1], 'server', ARGV[3], 'format', ARGV[4],
  'started_at', ARGV[5])
return 1
""")

CLEAR = Script(
    "-- KEYS: meta, lease, what goes; ARGV: epoch, milliseconds."
    + _MINE % "clearing"
    + "return redis.call('UNLINK', unpack(KEYS, 3))"
)

OPEN = Script(
    "-- KEYS: meta, lease; ARGV: epoch, milliseconds."
    + _MINE % "clearing"
    + "return redis.call('HSET', KEYS[1], 'state', 'building') + 1"
)

FILL = Script(
    "-- Adds members that a page of the table had, but none that was brought up to date since the building\n"
    "-- began: the page may be older. KEYS: meta, lease, touched, the sorted set of each;\n"
    "-- ARGV: epoch, milliseconds, then connection and score of each."
    + _MINE % "building"
    + """
for n = 1, #KEYS - 3 do
  local key, id = KEYS[n + 3], ARGV[2 * n + 1]
  if redis.call('SISMEMBER', KEYS[3], key .. ' ' .. id) == 0 then
    redis.call('ZADD', key, ARGV[2 * n + 2], id)
  end
end
return #KEYS - 3
"""
)

FINISH = Script(
    "-- KEYS: meta, lease, touched, topics; ARGV: epoch, milliseconds, now, when the building began, prefix."
    + _MINE % "building"
    + """
for _, topic in ipairs(redis.call('SMEMBERS', KEYS[4])) do
  redis.call('HSET', ARGV[5] .. topic, '@checked', ARGV[4])
end
redis.call('HSET', KEYS[1], 'state', 'ready', 'built_at', ARGV[3], 'tended_at', ARGV[3])
redis.call('DEL', KEYS[3], KEYS[2])
return 1
"""
)

ABANDON = Script("""
-- Lets nobody believe the index any more. KEYS: meta, lease; ARGV: epoch ('' for whichever there is).
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if ARGV[1] ~= '' and epoch ~= ARGV[1] then
  return 0
end
if epoch and redis.call('GET', KEYS[2]) == epoch then
  redis.call('DEL', KEYS[2])
end
return redis.call('DEL', KEYS[1])
""")

TEND = Script("""
-- KEYS: meta; ARGV: epoch, now. Says that somebody looks after the index.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'state') ~= 'ready' then
  return 0
end
redis.call('HSET', KEYS[1], 'tended_at', ARGV[2])
return 1
""")

CHECKED = Script("""
-- KEYS: meta, the topic's hash; ARGV: epoch, when. Says when a topic's groups were compared.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
redis.call('HSET', KEYS[2], '@checked', ARGV[2])
return 1
""")

ALL = (SETTLE, LIST, UNLIST, BEGIN, CLEAR, OPEN, FILL, FINISH, ABANDON, TEND, CHECKED)
