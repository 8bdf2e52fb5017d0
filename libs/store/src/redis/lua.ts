/**
 * What every script begins with. Times are microseconds by the clock of the server, which is the same for all who ask;
 * a test passes its own.
 *
 * A window is a hash: `u` what is used of it, `f` and `t` the numbers of its first and last bucket, `n` when it was made,
 * and of bucket i `b<i>` which stretch of time it is, `a<i>` what was used in it, `l<i>` when last. As in memory
 * (in-process/sliding-window.ts), a bucket counts whole until the last use in it has left.
 */
export const PRELUDE = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Writes what it is besides these fields and values of its buckets.
local function save(w, ...)
  redis.call('HSET', w.key, 'u', w.used, 'f', w.first, 't', w.last, ...)
  redis.call('PEXPIRE', w.key, math.ceil(w.length / 1000) + 1000)
end

-- Every call of Redis costs about a microsecond, so a window is read in two and written in two.
local function open(key, length, bucket)
  local meta = redis.call('HMGET', key, 'u', 'f', 't')
  local w = { key = key, length = tonumber(length), bucket = tonumber(bucket), used = tonumber(meta[1]) or 0, first = tonumber(meta[2]) or 1, last = tonumber(meta[3]) or 0, isNew = not meta[1] }
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
`;
