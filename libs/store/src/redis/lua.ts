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

local function save(w)
  redis.call('HSET', w.key, 'u', w.used, 'f', w.first, 't', w.last)
  redis.call('PEXPIRE', w.key, math.ceil(w.length / 1000) + 1000)
end

local function open(key, length, bucket)
  local meta = redis.call('HMGET', key, 'u', 'f', 't')
  local w = { key = key, length = tonumber(length), bucket = tonumber(bucket), used = tonumber(meta[1]) or 0, first = tonumber(meta[2]) or 1, last = tonumber(meta[3]) or 0, isNew = not meta[1] }
  local left = {}
  while w.first <= w.last do
    local entry = redis.call('HMGET', key, 'l' .. w.first, 'a' .. w.first)
    if tonumber(entry[1]) + w.length > now then break end
    w.used = w.used - tonumber(entry[2])
    for _, field in ipairs({ 'b', 'a', 'l' }) do left[#left + 1] = field .. w.first end
    w.first = w.first + 1
  end
  if #left > 0 then
    redis.call('HDEL', key, unpack(left))
    save(w)
  end
  return w
end

-- Uses so much at a time, and returns in which bucket. What is told late counts longer, not shorter.
local function add(w, amount, at)
  local bucket, last = math.floor(at / w.bucket), at
  local sum = amount
  local number = w.last + 1
  if w.first <= w.last then
    local newest = redis.call('HMGET', w.key, 'b' .. w.last, 'l' .. w.last, 'a' .. w.last)
    bucket, last = math.max(bucket, tonumber(newest[1])), math.max(last, tonumber(newest[2]))
    if bucket == tonumber(newest[1]) then number, sum = w.last, tonumber(newest[3]) + amount end
  end
  w.last, w.used = number, w.used + amount
  if w.isNew then redis.call('HSET', w.key, 'n', now) end
  w.isNew = false
  redis.call('HSET', w.key, 'b' .. number, bucket, 'l' .. number, last, 'a' .. number, sum)
  save(w)
  return number
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
  for at = w.last, w.first, -1 do
    local entry = redis.call('HMGET', w.key, 'a' .. at, 'l' .. at)
    -- A correction may have left nothing in a bucket.
    if tonumber(entry[1]) ~= 0 then return tonumber(entry[2]) + w.length - now end
  end
  return 0
end

-- Of who is a member still: its lease is renewed by its signs of life.
local function isMember(members, process, lease)
  local seen = redis.call('ZSCORE', members, process)
  return seen and tonumber(seen) > now - tonumber(lease)
end
`;
