import { KEYS } from './keys.ts';
import { ALL_USED, PRELUDE } from './lua.ts';
import { RESERVE } from './reserve.ts';
import { Script } from './script.ts';

/** How long the counts of what is held live without being touched: longer than any call. */
const PLACES_LIFE_MS = 86_400_000;
/** Behind what is held back for others there may be room at any time. */
const HELD_BACK_WAIT_US = 1_000_000;
/** A member that does not share any more, and must come in anew. */
export const STRANGER = -1;
/** What a taking was answered: refused, let in, or that it will fit as soon as the others have heard what was used. */
export const [REFUSED, GRANTED, SOON] = [0, 1, 2];

/** How one window stood. Times are microseconds. */
export interface WindowReply {
  /** -1: never. */
  readonly waitUs: number;
  readonly remaining: number;
  readonly emptyInUs: number;
  /** More than any limit, where it was wanted whole. */
  readonly used: number;
  /** The bucket that was used; for corrections. */
  readonly bucket: number;
}

/**
 * Who else may let calls in besides what is counted here. The members, should they lose Redis now: each its reserve of the least
 * that it may have heard to be used. Those that are silent: their reserve of the whole limit, until what they let in at last
 * has left. And of those that have not told what they used when data were lost, nothing is known.
 */
const OTHERS = `${RESERVE}
local others, silent, untold = {}, {}, {}
local ownCount = 1
local standings = redis.call('HGETALL', '${KEYS.standing}')
for i = 1, #standings, 2 do
  local count = tonumber(string.match(standings[i + 1], ':(%d+)$'))
  if standings[i] == process then ownCount = count else others[#others + 1] = count end
end
for _, one in ipairs(redis.call('HVALS', '${KEYS.silent}')) do
  local since, count = string.match(one, '^(%d+):(%d+)$')
  silent[#silent + 1] = { tonumber(since), tonumber(count) }
end
for _, since in ipairs(redis.call('HVALS', '${KEYS.untold}')) do untold[#untold + 1] = tonumber(since) end

local function ofSilent(limit, length)
  local sum = 0
  for _, one in ipairs(silent) do
    if now < one[1] + alone + length then sum = sum + reserveOf(limit, 0, length, one[2]) end
  end
  return math.min(sum, limit)
end
-- Behind a taking, of which this process hears. Two eras after it was wanted all have heard that nothing is left for them.
local function ofMembers(limit, low, used, length, wanted)
  if wanted and era >= wanted + 2 then return 0 end
  local sum = wanted and 0 or reserveOf(limit, used, length, ownCount)
  for _, count in ipairs(others) do sum = sum + reserveOf(limit, low, length, count) end
  return sum
end
local function isUntold(length)
  for _, since in ipairs(untold) do
    if now < since + math.min(alone, length) then return true end
  end
  return false
end
`;

/**
 * KEYS: the windows, then the places.
 * ARGV: now, process, lease, until when it waits for the answer, how long a process lets in by itself, number of windows; of each window
 * limit, amount, length, bucket; of each place limit (-1: none) and, where this process has not counted there yet, how many it holds, else ''.
 *
 * Returns whether all was taken, of each window what `WindowReply` has, of each place whether it is full and how many are held.
 */
export const TAKE = new Script(`${PRELUDE}
local process, lease, alone, count = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[6])
if not isMember('${KEYS.members}', process, lease, ARGV[4]) then return { ${STRANGER} } end
lapse(lease)
${OTHERS}
-- False as soon as something does not fit whoever hears of it.
local granted, soon = true, true
local windows = {}
for i = 1, count do
  local at = 3 + i * 4
  local limit, amount = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local w = open(KEYS[i], ARGV[at + 2], ARGV[at + 3])
  w.amount, w.limit = amount, limit - ofSilent(limit, w.length)
  w.wait = waitOf(w, amount, w.limit)
  if w.wait == -1 and amount <= limit then w.wait = ${HELD_BACK_WAIT_US} end
  if w.wait ~= 0 or isUntold(w.length) then
    w.wait = w.wait ~= 0 and w.wait or ${HELD_BACK_WAIT_US}
    granted, soon = false, false
  elseif w.used + amount + ofMembers(w.limit, math.min(w.low, w.lowBefore), w.used + amount, w.length, w.wanted) > w.limit then
    w.wait = ${HELD_BACK_WAIT_US}
    granted = false
    w.wanted = w.wanted or era
    redis.call('HSET', w.key, 'w', w.wanted, 'x', now)
    redis.call('PEXPIRE', w.key, math.ceil(w.length / 1000) + 1000)
    tell(now, w.key)
  end
  windows[i] = w
end

local live = {}
local places = {}
local first = 7 + count * 4
if first <= #ARGV then
  for _, one in ipairs(redis.call('ZRANGE', '${KEYS.members}', 0, -1)) do live[one] = true end
end
for at = first, #ARGV, 2 do
  local p = { key = KEYS[count + (at - first) / 2 + 1], base = ARGV[at + 1] }
  local limit, sum, own = tonumber(ARGV[at]), 0, 0
  local all = redis.call('HGETALL', p.key)
  local meta = {}
  for i = 1, #all, 2 do
    local name, value = all[i], tonumber(all[i + 1])
    if string.sub(name, 1, 1) == '#' then meta[name] = value
    elseif name == process then own = value
    elseif live[name] then sum = sum + value
    else redis.call('HDEL', p.key, name) end
  end
  if p.base ~= '' then own = tonumber(p.base) end
  p.own, p.sum = own, sum + own
  -- As of windows: the least that was held in this era and in the one before.
  p.low, p.lowBefore = p.sum, p.sum
  if meta['#e'] == era then p.low, p.lowBefore = math.min(meta['#c'], p.sum), meta['#p']
  elseif meta['#e'] == era - 1 then p.lowBefore = meta['#c'] end
  p.wanted = wantedOf(meta['#w'], meta['#x'])
  p.full = 0
  if limit >= 0 then
    local free = limit - ofSilent(limit, 0)
    if p.sum >= free or isUntold(alone) then
      p.full = 1
      granted, soon = false, false
    elseif p.sum + 1 + ofMembers(free, math.min(p.low, p.lowBefore), p.sum + 1, 0, p.wanted) > free then
      p.full = 1
      granted = false
      p.wanted = p.wanted or era
      redis.call('HSET', p.key, '#w', p.wanted, '#x', now)
      redis.call('PEXPIRE', p.key, ${PLACES_LIFE_MS})
      tell(now, p.key)
    end
  end
  places[#places + 1] = p
end

local reply = { granted and ${GRANTED} or soon and ${SOON} or ${REFUSED} }
local used = {}
for _, w in ipairs(windows) do
  local number, empty = 0, 0
  if granted then
    number = add(w, w.amount, now)
    used[#used + 1] = now
    used[#used + 1] = w.key
  end
  empty = emptyIn(w)
  for _, value in ipairs({ w.wait, math.max(0, w.limit - w.used), empty, w.wanted and ${ALL_USED} or w.used, number }) do reply[#reply + 1] = value end
end
for _, p in ipairs(places) do
  local taken = granted and 1 or 0
  if granted or p.base ~= '' then
    used[#used + 1] = now
    used[#used + 1] = p.key
    redis.call('HSET', p.key, process, p.own + taken, '#e', era, '#c', p.low, '#p', p.lowBefore)
    redis.call('PEXPIRE', p.key, ${PLACES_LIFE_MS})
  end
  reply[#reply + 1] = p.full
  reply[#reply + 1] = p.wanted and ${ALL_USED} or p.sum + taken
end
if #used > 0 then tell(unpack(used)) end
return reply
`);

/**
 * KEYS: the windows, then the places that are given back.
 * ARGV: now, process, lease, until when it waits, number of windows; of each window length, bucket, the number of the bucket in which something is
 * put right (0: in none) and by how much. What is more counts from now where the bucket has left.
 *
 * Returns of each window the bucket in which was counted.
 */
export const SETTLE = new Script(`${PRELUDE}
if not isMember('${KEYS.members}', ARGV[2], ARGV[3], ARGV[4]) then return { ${STRANGER} } end
local count = tonumber(ARGV[5])
local reply, used = {}, {}
for i = 1, count do
  local at = 2 + i * 4
  local number, difference = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local w = open(KEYS[i], ARGV[at], ARGV[at + 1])
  if number ~= 0 and number >= w.first and number <= w.last then
    w.used = w.used + difference
    w.low = math.min(w.low, w.used)
    save(w, 'a' .. number, tonumber(redis.call('HGET', w.key, 'a' .. number)) + difference)
  elseif difference > 0 then
    number = add(w, difference, now)
  end
  -- Of less the others need not hear: they keep to less then.
  if difference > 0 then
    used[#used + 1] = now
    used[#used + 1] = w.key
  end
  reply[i] = number
end
for i = 1 + count, #KEYS do
  if redis.call('HEXISTS', KEYS[i], ARGV[2]) == 1 then
    redis.call('HINCRBY', KEYS[i], ARGV[2], -1)
    redis.call('HINCRBY', KEYS[i], '#c', -1)
  end
  used[#used + 1] = now
  used[#used + 1] = KEYS[i]
end
if #used > 0 then tell(unpack(used)) end
return reply
`);
