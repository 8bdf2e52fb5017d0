import { PRELUDE } from './lua.ts';
import { Script } from './script.ts';

/**
 * Adds what was used elsewhere. KEYS: windows. ARGV: now, then of each window length, bucket, number of uses, and of each use
 * how many microseconds ago it was, and its amount; the oldest first.
 */
export const REPORT = new Script(`${PRELUDE}
local at = 2
for _, key in ipairs(KEYS) do
  local w = open(key, ARGV[at], ARGV[at + 1])
  local count = tonumber(ARGV[at + 2])
  for i = 1, count do
    local ago, amount = tonumber(ARGV[at + 1 + i * 2]), tonumber(ARGV[at + 2 + i * 2])
    if ago < w.length then add(w, amount, now - ago) end
  end
  tell(now, key)
  at = at + 3 + count * 2
end
return {}
`);

/**
 * Counts what was used before a window was first counted here, once: another process may have told it, and what came later stands
 * here already. KEYS: the window. ARGV: now, length, bucket, and of each use how many microseconds ago it was, and its amount;
 * the oldest first.
 */
export const PRECEDE = new Script(`${PRELUDE}
local w = open(KEYS[1], ARGV[2], ARGV[3])
local flags = redis.call('HMGET', w.key, 'p', 'n')
if flags[1] then return {} end
local began = tonumber(flags[2]) or now
for i = #ARGV - 1, 4, -2 do
  local at, amount = now - tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  if at < began and at + w.length > now then
    -- No use falls into the stretch of this bucket any more.
    w.first, w.used = w.first - 1, w.used + amount
    redis.call('HSET', w.key, 'b' .. w.first, -1, 'l' .. w.first, at, 'a' .. w.first, amount)
  end
end
redis.call('HSET', w.key, 'p', 1, 'n', began)
save(w)
tell(now, w.key)
return {}
`);
