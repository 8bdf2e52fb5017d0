import { KEYS, PLACES } from './keys.ts';
import { ALL_USED, PRELUDE } from './lua.ts';
import { Script } from './script.ts';
import { STRANGER } from './take.ts';

/** How long the counts of the membership live without any member: longer than anybody remembers an earlier one. */
const LIFE_MS = 172_800_000;
/** So many windows and places are told at a beat, the latest first. */
const TOLD_AT_ONCE = 1_000;
/** Who begins learns what was used so long ago: as long as a call may hold a place. */
export const RECENT_US = 600_000_000;
/** The longest window, and as long beyond it as a process lets in by itself: a day. What is silent for longer is forgotten. */
const SILENT_US = 90_000_000_000;
/** Of more processes that fell silent within a day the oldest are forgotten: each costs every taking about a microsecond. */
const SILENT_AT_MOST = 50;

/** Windows and places that are told without end live on as long as the members. */
const KEEP = `for _, key in ipairs({ '${KEYS.members}', '${KEYS.standing}', '${KEYS.era}', '${KEYS.generation}', '${KEYS.gone}', '${KEYS.untold}', '${KEYS.silent}' }) do redis.call('PEXPIRE', key, ${LIFE_MS}) end`;

/**
 * Comes in, as a new member, also who was away. Those whom it knew and of whom nothing is known here (any more) may be
 * letting calls in by themselves: they are silent ones. Where data were lost, those that shared until then have to tell what they used.
 *
 * ARGV: now, process, until when it waits, the name that it had ('': none), 1 where data were lost (else 0), number of those that it
 * knew; of each its name, among how many it believes to share, and 1 where it shared to the last (else 0). KEYS: the places that it holds some
 * of, and as the last ARGV how many.
 *
 * Returns the generation and the era.
 */
export const JOIN = new Script(`${PRELUDE}
if not isAwaited(ARGV[3]) then return { ${STRANGER} } end
local process, before, isLost, count = ARGV[2], ARGV[4], ARGV[5] == '1', tonumber(ARGV[6])
local stamp = string.format('%.0f', now)
if before ~= '' then
  redis.call('ZREM', '${KEYS.members}', before)
  for _, key in ipairs({ '${KEYS.standing}', '${KEYS.silent}', '${KEYS.untold}' }) do redis.call('HDEL', key, before) end
  redis.call('ZADD', '${KEYS.gone}', now, before)
end
for i = 0, count - 1 do
  local other, among, shared = ARGV[7 + i * 3], ARGV[8 + i * 3], ARGV[9 + i * 3] == '1'
  if not redis.call('ZSCORE', '${KEYS.gone}', other) then
    if not redis.call('ZSCORE', '${KEYS.members}', other) then redis.call('HSETNX', '${KEYS.silent}', other, stamp .. ':' .. among) end
    if isLost and shared then redis.call('HSETNX', '${KEYS.untold}', other, stamp) end
  end
end
redis.call('ZADD', '${KEYS.members}', now, process)
redis.call('HSET', '${KEYS.standing}', process, era .. ':' .. redis.call('ZCARD', '${KEYS.members}'))
redis.call('SET', '${KEYS.generation}', process, 'NX')
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, process, ARGV[6 + count * 3 + i], '#e', era, '#c', 0, '#p', 0)
  redis.call('PEXPIRE', key, ${LIFE_MS})
end
${KEEP}
return { redis.call('GET', '${KEYS.generation}'), era }
`);

/**
 * A sign of life. Members that gave none for the length of the lease are silent from then on.
 *
 * ARGV: now, process, lease, until when it waits, how long a process lets in by itself, since when it wants to know what was used, the last era
 * that it has heard all of, and among how many it believes to share (0: it does not know).
 *
 * Returns the time, the era, among how many it shares, of each other one its name, among how many it believes to share, and whether it is a member, and behind
 * that the windows and places that were used since, with how far, and when the first of them was, if there were more.
 */
export const BEAT = new Script(`${PRELUDE}
local process, alone, since, heard, count = ARGV[2], tonumber(ARGV[5]), ARGV[6], ARGV[7], tonumber(ARGV[8])
if not isMember('${KEYS.members}', process, ARGV[3], ARGV[4]) then return { ${STRANGER} } end
redis.call('ZADD', '${KEYS.members}', now, process)
lapse(ARGV[3])
local others = {}
local all = redis.call('HGETALL', '${KEYS.silent}')
local oldest, oldestUs, kept, sharing = nil, math.huge, 0, redis.call('ZCARD', '${KEYS.members}')
for i = 1, #all, 2 do
  local from, among = string.match(all[i + 1], '^(%d+):(%d+)$')
  from = tonumber(from)
  if from + ${SILENT_US} <= now then redis.call('HDEL', '${KEYS.silent}', all[i])
  else
    kept = kept + 1
    if from < oldestUs then oldest, oldestUs = all[i], from end
    if now < from + alone then
      sharing = sharing + 1
      for _, value in ipairs({ all[i], tonumber(among), 0 }) do others[#others + 1] = value end
    end
  end
end
if kept > ${SILENT_AT_MOST} then redis.call('HDEL', '${KEYS.silent}', oldest) end
local untold = redis.call('HGETALL', '${KEYS.untold}')
for i = 1, #untold, 2 do
  if tonumber(untold[i + 1]) + alone <= now then redis.call('HDEL', '${KEYS.untold}', untold[i]) end
end

-- It may go by the number that it had, if it does not hear this one.
redis.call('HSET', '${KEYS.standing}', process, heard .. ':' .. (count > 0 and math.min(count, sharing) or sharing))
local standings = redis.call('HGETALL', '${KEYS.standing}')
local least = math.huge
for i = 1, #standings, 2 do
  local last, among = string.match(standings[i + 1], '^(%d+):(%d+)$')
  least = math.min(least, tonumber(last))
  if standings[i] ~= process then
    for _, value in ipairs({ standings[i], tonumber(among), 1 }) do others[#others + 1] = value end
  end
end
if least >= era then
  era = era + 1
  redis.call('SET', '${KEYS.era}', era)
end

redis.call('ZREMRANGEBYSCORE', '${KEYS.recent}', '-inf', now - ${RECENT_US})
redis.call('ZREMRANGEBYSCORE', '${KEYS.gone}', '-inf', now - ${SILENT_US})
local used, firstUs = {}, 0
local latest = redis.call('ZREVRANGEBYSCORE', '${KEYS.recent}', '+inf', since, 'LIMIT', 0, ${TOLD_AT_ONCE})
for _, key in ipairs(latest) do
  local sum = 0
  if string.find(key, '${PLACES}', 1, true) == 1 then
    local held = redis.call('HGETALL', key)
    local meta = {}
    for i = 1, #held, 2 do
      if string.sub(held[i], 1, 1) == '#' then meta[held[i]] = held[i + 1] else sum = sum + tonumber(held[i + 1]) end
    end
    if wantedOf(meta['#w'], meta['#x']) then sum = ${ALL_USED} end
  else
    local values = redis.call('HMGET', key, 'u', 'w', 'x')
    sum = wantedOf(values[2], values[3]) and ${ALL_USED} or tonumber(values[1]) or 0
  end
  used[#used + 1] = key
  used[#used + 1] = sum
end
if #latest == ${TOLD_AT_ONCE} then firstUs = tonumber(redis.call('ZSCORE', '${KEYS.recent}', latest[#latest])) end
${KEEP}
return { now, era, sharing, others, used, firstUs }
`);

/** ARGV: now, process. */
export const LEAVE = new Script(`${PRELUDE}
redis.call('ZREM', '${KEYS.members}', ARGV[2])
redis.call('HDEL', '${KEYS.standing}', ARGV[2])
redis.call('ZADD', '${KEYS.gone}', now, ARGV[2])
redis.call('PEXPIRE', '${KEYS.gone}', ${LIFE_MS})
return {}
`);
