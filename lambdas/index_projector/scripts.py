"""Scripts for what must happen in Redis in one step. All keys are on one server, so they may use any."""

from __future__ import annotations

from realtime_core.redis.client import Script

SETTLE = Script("""
-- Sets memberships to what the table said, except those that were claimed again since they were read.
-- KEYS: meta, claims, touched, then the sorted set of each; ARGV: claim, then connection and score of each
-- ('' for no member). Returns the numbers of those that another invocation has claimed.
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
-- Lists groups of a topic. Expiry and shards only grow, so the order of calls does not matter.
-- A group that had ended is new again: readers leave it out. Versions are counted through the whole index: a
-- topic that is removed and made again never has the version of another content.
-- KEYS: meta, the topic's hash, topics; ARGV: topic, the time until which groups have ended, then id, expiry,
-- shards and filter of each.
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'ready' and state ~= 'building' then
  return 0
end
local changed = 0
for n = 3, #ARGV, 4 do
  local id, expires, shards, filter = ARGV[n], tonumber(ARGV[n + 1]), tonumber(ARGV[n + 2]), ARGV[n + 3]
  local known = redis.call('HGET', KEYS[2], id)
  local new = true
  if known then
    local before, over = string.match(known, '^(%d+) (%d+) ')
    new = tonumber(over) < shards or tonumber(before) <= tonumber(ARGV[2])
    expires, shards = math.max(tonumber(before), expires), math.max(tonumber(over), shards)
  end
  redis.call('HSET', KEYS[2], id, string.format('%d %d %s', expires, shards, filter))
  if new then
    changed = changed + 1
  end
end
if changed > 0 then
  redis.call('HSET', KEYS[2], '@version', redis.call('HINCRBY', KEYS[1], 'versions', 1))
end
redis.call('SADD', KEYS[3], ARGV[1])
return changed
""")

UNLIST = Script("""
-- Removes groups of a topic that have ended, unless they were extended.
-- KEYS: meta, the topic's hash; ARGV: id and expiry of each. Returns how many.
local changed = 0
for n = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[2], ARGV[n])
  if known and tonumber(string.match(known, '^(%d+) ')) <= tonumber(ARGV[n + 1]) then
    redis.call('HDEL', KEYS[2], ARGV[n])
    changed = changed + 1
  end
end
if changed > 0 and redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[2], '@version', redis.call('HINCRBY', KEYS[1], 'versions', 1))
end
return changed
""")

FORGET = Script("""
-- Removes a topic that has no groups; one that has was given some since it was compared.
-- KEYS: meta, the topic's hash, topics; ARGV: epoch, topic.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return 0
end
local fields = redis.call('HLEN', KEYS[2])
for _, name in ipairs({'@version', '@checked'}) do
  if redis.call('HGET', KEYS[2], name) then
    fields = fields - 1
  end
end
if fields > 0 then
  return 0
end
redis.call('UNLINK', KEYS[2])
return redis.call('SREM', KEYS[3], ARGV[2])
""")

# The holder of the lease rebuilds the index under an epoch of its own. A rebuild that was too slow and lost
# both finds another epoch, and can do no harm.
_CHECK_EPOCH = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'state') ~= '%s' then
  return -1
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
"""

BEGIN = Script("""
-- KEYS: meta, lease; ARGV: epoch, which is also the lease's value, milliseconds, server, format, time.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return -1
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'state', 'clearing', 'epoch', ARGV[1], 'server', ARGV[3], 'format', ARGV[4],
  'started_at', ARGV[5])
return 1
""")

CLEAR = Script(
    "-- KEYS: meta, lease, the keys to remove; ARGV: epoch, milliseconds."
    + _CHECK_EPOCH % "clearing"
    + "return redis.call('UNLINK', unpack(KEYS, 3))"
)

OPEN = Script(
    "-- KEYS: meta, lease; ARGV: epoch, milliseconds."
    + _CHECK_EPOCH % "clearing"
    + "return redis.call('HSET', KEYS[1], 'state', 'building') + 1"
)

FILL = Script(
    "-- Adds the members of a page of the table, except those that changed since the rebuild began: the\n"
    "-- page may be older. KEYS: meta, lease, touched, the sorted set of each;\n"
    "-- ARGV: epoch, milliseconds, then connection and score of each."
    + _CHECK_EPOCH % "building"
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
    "-- KEYS: meta, lease, touched, topics; ARGV: epoch, milliseconds, now, when the rebuild began, prefix."
    + _CHECK_EPOCH % "building"
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
-- Takes the index out of use. KEYS: meta, lease; ARGV: epoch ('' for any).
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if ARGV[1] ~= '' and epoch ~= ARGV[1] then
  return 0
end
if epoch and redis.call('GET', KEYS[2]) == epoch then
  redis.call('DEL', KEYS[2])
end
return redis.call('DEL', KEYS[1])
""")

MARK_MAINTAINED = Script("""
-- Records when the index was maintained. KEYS: meta; ARGV: epoch, now.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'state') ~= 'ready' then
  return 0
end
redis.call('HSET', KEYS[1], 'tended_at', ARGV[2])
return 1
""")

MARK_VERIFIED = Script("""
-- Records when a topic's groups were compared. KEYS: meta, the topic's hash; ARGV: epoch, when.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
redis.call('HSET', KEYS[2], '@checked', ARGV[2])
return 1
""")

ALL = (
    SETTLE,
    LIST,
    UNLIST,
    FORGET,
    BEGIN,
    CLEAR,
    OPEN,
    FILL,
    FINISH,
    ABANDON,
    MARK_MAINTAINED,
    MARK_VERIFIED,
)
