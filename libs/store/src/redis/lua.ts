import { KEYS } from './keys.ts';

/** Nobody asks for what was used longer ago (membership.ts). */
const RECENT_LIFE_MS = 1_200_000;
/** What a process that is silent may have let in of a window has left by then. */
const SILENT_LIFE_MS = 172_800_000;
/** So long nothing is kept of a limit that was wanted whole. */
const WANTED_US = 60_000_000;
/** As much of a limit is told to be used when nothing is kept: more than any limit. */
export const ALL_USED = 1e15;

/**
 * What every script begins with. Times are microseconds by the clock of the server, which is the same for all who ask;
 * a test passes its own.
 *
 * A window is a hash: `u` what is used of it, `f` and `t` the numbers of its first and last bucket, `n` when it was made,
 * and of bucket i `b<i>` which stretch of time it is, `a<i>` what was used in it, `l<i>` when last. As in memory
 * (in-process/sliding-window.ts), a bucket counts whole until the last use in it has left.
 *
 * `e` is the era in which it was changed last, `m` the least that was used of it in that era and `o` in the one before. No member can
 * have heard of less than the least of the two, because an era ends only when all have heard of what was used before it. `w` is the era in which
 * somebody wanted what is kept for members, and `x` when that was last: for a minute from then all are told that nothing is left.
 */
export const PRELUDE = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local era = tonumber(redis.call('GET', '${KEYS.era}')) or 0

-- Writes what it is besides these fields and values of its buckets.
local function save(w, ...)
  redis.call('HSET', w.key, 'u', w.used, 'f', w.first, 't', w.last, 'e', era, 'm', w.low, 'o', w.lowBefore, ...)
  redis.call('PEXPIRE', w.key, math.ceil(w.length / 1000) + 1000)
end

-- The era in which it was wanted, as long as it is.
local function wantedOf(since, at)
  return at and now < tonumber(at) + ${WANTED_US} and tonumber(since) or nil
end

-- Every call of Redis costs about a microsecond, so a window is read in two and written in two.
local function open(key, length, bucket)
  local meta = redis.call('HMGET', key, 'u', 'f', 't', 'e', 'm', 'o', 'w', 'x')
  local w = { key = key, length = tonumber(length), bucket = tonumber(bucket), used = tonumber(meta[1]) or 0, first = tonumber(meta[2]) or 1, last = tonumber(meta[3]) or 0, isNew = not meta[1] }
  w.wanted = wantedOf(meta[7], meta[8])
  local changed = tonumber(meta[4])
  w.low, w.lowBefore = w.used, w.used
  if changed == era then w.low, w.lowBefore = tonumber(meta[5]), tonumber(meta[6])
  elseif changed == era - 1 then w.lowBefore = tonumber(meta[5]) end
  if w.first > w.last then return w end
  local ends = redis.call('HMGET', key, 'l' .. w.first, 'a' .. w.first, 'b' .. w.last, 'l' .. w.last, 'a' .. w.last)
  w.newest = { bucket = tonumber(ends[3]), last = tonumber(ends[4]), amount = tonumber(ends[5]) }
  local left = {}
  while w.first <= w.last do
    local oldest = #left == 0 and ends or redis.call('HMGET', key, 'l' .. w.first, 'a' .. w.first)
    if tonumber(oldest[1]) + w.length > now then break end
    w.used = w.used - tonumber(oldest[2])
    for _, field in ipairs({ 'b', 'a', 'l' }) do left[#left + 1] = field .. w.first end
    w.first = w.first + 1
  end
  if #left > 0 then
    w.low = math.min(w.low, w.used)
    redis.call('HDEL', key, unpack(left))
    save(w)
  end
  if w.first > w.last then w.newest = nil end
  return w
end

-- Uses so much at a time, and returns in which bucket. What is told late counts longer, not shorter.
local function add(w, amount, at)
  local bucket, last, sum = math.floor(at / w.bucket), at, amount
  local newest = w.newest
  if newest then bucket, last = math.max(bucket, newest.bucket), math.max(last, newest.last) end
  if newest and bucket == newest.bucket then sum = newest.amount + amount else w.last = w.last + 1 end
  w.newest = { bucket = bucket, last = last, amount = sum }
  w.used = w.used + amount
  save(w, 'b' .. w.last, bucket, 'l' .. w.last, last, 'a' .. w.last, sum)
  if w.isNew then redis.call('HSET', w.key, 'n', now) end
  w.isNew = false
  return w.last
end

local function waitOf(w, amount, limit)
  local excess = w.used + amount - limit
  if excess <= 0 then return 0 end
  if amount > limit then return -1 end
  local at = w.first
  while true do
    local entry = redis.call('HMGET', w.key, 'a' .. at, 'l' .. at)
    excess = excess - tonumber(entry[1])
    if excess <= 0 then return tonumber(entry[2]) + w.length - now end
    at = at + 1
  end
end

local function emptyIn(w)
  if not w.newest then return 0 end
  if w.newest.amount ~= 0 then return w.newest.last + w.length - now end
  for at = w.last - 1, w.first, -1 do
    local entry = redis.call('HMGET', w.key, 'a' .. at, 'l' .. at)
    -- A correction may have left nothing in a bucket.
    if tonumber(entry[1]) ~= 0 then return tonumber(entry[2]) + w.length - now end
  end
  return 0
end

-- Whether somebody still waits for the answer. A server that was frozen carries out what was sent to it when it wakes.
local function isAwaited(till)
  return now <= tonumber(till)
end

-- Of who is a member still: its lease is renewed by its signs of life.
local function isMember(members, process, lease, till)
  if not isAwaited(till) then return false end
  local seen = redis.call('ZSCORE', members, process)
  return seen and tonumber(seen) > now - tonumber(lease)
end

-- Tells the others of it with their next sign of life.
local function tell(...)
  redis.call('ZADD', '${KEYS.recent}', ...)
  redis.call('PEXPIRE', '${KEYS.recent}', ${RECENT_LIFE_MS})
end

-- Who gave no sign of life for the length of a lease is a member no more, and may be letting calls in by itself.
local function lapse(lease)
  for _, lapsed in ipairs(redis.call('ZRANGEBYSCORE', '${KEYS.members}', '-inf', now - tonumber(lease))) do
    local seen = redis.call('ZSCORE', '${KEYS.members}', lapsed)
    local count = string.match(redis.call('HGET', '${KEYS.standing}', lapsed) or '', ':(%d+)$') or '1'
    redis.call('ZREM', '${KEYS.members}', lapsed)
    redis.call('HDEL', '${KEYS.standing}', lapsed)
    redis.call('HSETNX', '${KEYS.silent}', lapsed, seen .. ':' .. count)
    redis.call('PEXPIRE', '${KEYS.silent}', ${SILENT_LIFE_MS})
  end
end
`;
