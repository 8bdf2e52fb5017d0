import { PLACES } from './keys.ts';
import { PRELUDE } from './lua.ts';
import { Script } from './script.ts';
import { STRANGER } from './take.ts';

/** How long the counts of the membership live without any member: longer than anybody remembers an earlier one. */
const LIFE_MS = 172_800_000;
/** So many windows and places are told at a beat, the latest first. */
const TOLD_AT_ONCE = 1_000;
/** Who begins learns what was used so long ago: as long as a call may hold a place. */
const RECENT_US = 600_000_000;

/**
 * Comes in, as a new member, also who was away. Those whom it knew and who were not heard since it lost contact may be
 * letting calls in by themselves: their shares are held back until they are heard, or `holdBack` is over.
 *
 * KEYS: members, joined, sequence, missing, gone, generation.
 * ARGV: now, process, until when it waits, the name that it had ('': none), microseconds since it lost contact, holdBack; of
 * each other that it knew process, count, rank. Behind the KEYS the places that it holds some of, and as the last ARGV how many.
 *
 * Returns the generation and the time.
 */
export const JOIN = new Script(`${PRELUDE}
if not isAwaited(ARGV[3]) then return { ${STRANGER} } end
local process, before, holdBack = ARGV[2], ARGV[4], tonumber(ARGV[6])
local lostAt = now - tonumber(ARGV[5])
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now - 2 * holdBack)
if before ~= '' then
  redis.call('ZREM', KEYS[1], before)
  redis.call('HDEL', KEYS[2], before)
  redis.call('HDEL', KEYS[4], before)
  redis.call('ZADD', KEYS[5], now, before)
end
local places = #KEYS - 6
for at = 7, #ARGV - places, 3 do
  local other = ARGV[at]
  local seen = redis.call('ZSCORE', KEYS[1], other)
  if not redis.call('ZSCORE', KEYS[5], other) and (not seen or tonumber(seen) <= lostAt) then
    redis.call('HSETNX', KEYS[4], other, string.format('%.0f:%s:%s', now + holdBack, ARGV[at + 1], ARGV[at + 2]))
  end
end
redis.call('HSET', KEYS[2], process, redis.call('INCR', KEYS[3]))
redis.call('ZADD', KEYS[1], now, process)
redis.call('SET', KEYS[6], process, 'NX')
for i = 1, places do redis.call('HSET', KEYS[6 + i], process, ARGV[#ARGV - places + i]) end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ${LIFE_MS}) end
redis.call('PEXPIRE', KEYS[4], math.ceil(2 * holdBack / 1000))
return { redis.call('GET', KEYS[6]), now }
`);

/**
 * A sign of life; forgets those who gave none for the length of the lease.
 *
 * KEYS: members, joined, sequence, missing, gone, generation, recent. ARGV: now, process, lease, until when it waits, since when it wants to know what was used.
 *
 * Returns the time, the members, in the order they came, with when each was last heard, and behind that the windows and places
 * that were used since, with how far.
 */
export const BEAT = new Script(`${PRELUDE}
if not isMember(KEYS[1], ARGV[2], ARGV[3], ARGV[4]) then return { ${STRANGER} } end
redis.call('ZADD', KEYS[1], now, ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[2])
for _, lapsed in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3]))) do
  redis.call('ZREM', KEYS[1], lapsed)
  redis.call('HDEL', KEYS[2], lapsed)
end
local members = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local known = {}
for i = 1, #members, 2 do known[#known + 1] = { members[i], tonumber(members[i + 1]), tonumber(redis.call('HGET', KEYS[2], members[i]) or 0) } end
table.sort(known, function(a, b) return a[3] < b[3] end)
local heard = {}
for _, one in ipairs(known) do
  heard[#heard + 1] = one[1]
  heard[#heard + 1] = one[2]
end
redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', now - ${RECENT_US})
local used = {}
for _, key in ipairs(redis.call('ZREVRANGEBYSCORE', KEYS[7], '+inf', ARGV[5], 'LIMIT', 0, ${TOLD_AT_ONCE})) do
  local sum = 0
  if string.find(key, '${PLACES}', 1, true) == 1 then
    for _, held in ipairs(redis.call('HVALS', key)) do sum = sum + tonumber(held) end
  else sum = tonumber(redis.call('HGET', key, 'u') or 0) end
  used[#used + 1] = key
  used[#used + 1] = sum
end
for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[3], KEYS[6] }) do redis.call('PEXPIRE', key, ${LIFE_MS}) end
return { now, heard, used }
`);

/** KEYS: members, joined, gone. ARGV: now, process. */
export const LEAVE = new Script(`${PRELUDE}
redis.call('ZREM', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[3], now, ARGV[2])
redis.call('PEXPIRE', KEYS[3], ${LIFE_MS})
return {}
`);
