import { PRELUDE } from './lua.ts';
import { Script } from './script.ts';

/** How long the counts of what is held live without being touched: longer than any call. */
const PLACES_LIFE_MS = 86_400_000;
/** Nobody asks for what was used longer ago (membership.ts). */
const RECENT_LIFE_MS = 1_200_000;
/** Behind what is held back for others there may be room at any time. */
const HELD_BACK_WAIT_US = 1_000_000;
/** A member that does not share any more, and must come in anew. */
export const STRANGER = -1;

/** How one window stood. Times are microseconds. */
export interface WindowReply {
  /** -1: never. */
  readonly waitUs: number;
  readonly remaining: number;
  readonly emptyInUs: number;
  readonly used: number;
  /** The bucket that was used; for corrections. */
  readonly bucket: number;
}

/**
 * KEYS: members, missing, recent, then the windows, then the places.
 * ARGV: now, process, lease, until when it waits for the answer, number of windows; of each window limit, amount, length, bucket; of each place limit (-1: none)
 * and, where this process has not counted there yet, how many it holds, else ''.
 *
 * Returns whether all was taken, of each window what `WindowReply` has, of each place whether it is full and how many are held.
 */
export const TAKE = new Script(`${PRELUDE}
local process, lease, count = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5])
if not isMember(KEYS[1], process, lease, ARGV[4]) then return { ${STRANGER} } end

-- Of those that may be letting calls in by themselves, what they may.
local apart = {}
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('HDEL', KEYS[2], process)
  local all = redis.call('HGETALL', KEYS[2])
  for i = 2, #all, 2 do
    local till, members, rank = string.match(all[i], '^(%d+):(%d+):(%d+)$')
    if tonumber(till) > now then apart[#apart + 1] = { tonumber(members), tonumber(rank) } end
  end
end
local function heldBack(limit)
  local sum = 0
  for _, one in ipairs(apart) do sum = sum + math.floor((limit + one[1] - 1 - one[2]) / one[1]) end
  return math.min(sum, limit)
end

local granted = 1
local windows = {}
for i = 1, count do
  local at = 2 + i * 4
  local limit, amount = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local w = open(KEYS[3 + i], ARGV[at + 2], ARGV[at + 3])
  w.amount, w.limit = amount, limit - heldBack(limit)
  w.wait = waitOf(w, amount, w.limit)
  if w.wait == -1 and amount <= limit then w.wait = ${HELD_BACK_WAIT_US} end
  if w.wait ~= 0 then granted = 0 end
  windows[i] = w
end

local live = {}
local places = {}
local first = 6 + count * 4
if first <= #ARGV then
  for _, one in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now - lease), '+inf')) do live[one] = true end
end
for at = first, #ARGV, 2 do
  local p = { key = KEYS[3 + count + (at - first) / 2 + 1], base = ARGV[at + 1] }
  local limit, sum, own = tonumber(ARGV[at]), 0, 0
  local all = redis.call('HGETALL', p.key)
  for i = 1, #all, 2 do
    if all[i] == process then own = tonumber(all[i + 1])
    elseif live[all[i]] then sum = sum + tonumber(all[i + 1])
    else redis.call('HDEL', p.key, all[i]) end
  end
  if p.base ~= '' then own = tonumber(p.base) end
  p.own, p.sum = own, sum + own
  p.full = (limit >= 0 and p.sum >= limit - heldBack(limit)) and 1 or 0
  if p.full == 1 then granted = 0 end
  places[#places + 1] = p
end

local reply = { granted }
local used = {}
for _, w in ipairs(windows) do
  local number, empty = 0, 0
  if granted == 1 then
    number = add(w, w.amount, now)
    used[#used + 1] = now
    used[#used + 1] = w.key
  end
  empty = emptyIn(w)
  for _, value in ipairs({ w.wait, math.max(0, w.limit - w.used), empty, w.used, number }) do reply[#reply + 1] = value end
end
for _, p in ipairs(places) do
  if granted == 1 or p.base ~= '' then
    used[#used + 1] = now
    used[#used + 1] = p.key
    redis.call('HSET', p.key, process, p.own + granted)
    redis.call('PEXPIRE', p.key, ${PLACES_LIFE_MS})
  end
  reply[#reply + 1] = p.full
  reply[#reply + 1] = p.sum + granted
end
if #used > 0 then
  redis.call('ZADD', KEYS[3], unpack(used))
  redis.call('PEXPIRE', KEYS[3], ${RECENT_LIFE_MS})
end
return reply
`);

/**
 * KEYS: members, recent, then the windows, then the places that are given back.
 * ARGV: now, process, lease, until when it waits, number of windows; of each window length, bucket, the number of the bucket in which something is
 * put right (0: in none) and by how much. What is more counts from now where the bucket has left.
 *
 * Returns of each window the bucket in which was counted.
 */
export const SETTLE = new Script(`${PRELUDE}
if not isMember(KEYS[1], ARGV[2], ARGV[3], ARGV[4]) then return { ${STRANGER} } end
local count = tonumber(ARGV[5])
local reply = {}
for i = 1, count do
  local at = 2 + i * 4
  local number, difference = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local w = open(KEYS[2 + i], ARGV[at], ARGV[at + 1])
  if number ~= 0 and number >= w.first and number <= w.last then
    w.used = w.used + difference
    save(w, 'a' .. number, tonumber(redis.call('HGET', w.key, 'a' .. number)) + difference)
  elseif difference > 0 then
    number = add(w, difference, now)
  end
  reply[i] = number
end
for i = 3 + count, #KEYS do
  redis.call('ZADD', KEYS[2], now, KEYS[i])
  redis.call('PEXPIRE', KEYS[2], ${RECENT_LIFE_MS})
  if redis.call('HEXISTS', KEYS[i], ARGV[2]) == 1 then redis.call('HINCRBY', KEYS[i], ARGV[2], -1) end
end
return reply
`);
