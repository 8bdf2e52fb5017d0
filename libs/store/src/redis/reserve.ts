/** Of what is left of a limit, so much is kept for processes that can ask nobody any more. */
const PART = 1 / 4;
/** Of a longer window less: what a process that died has kept comes back with the window only. */
const PART_OF_LONG = 1 / 64;
const LONG_MS = 3_600_000;

/** What one of `count` processes may let in by itself in any window of this length, as it last heard how far the limit was used: all together never more than is left. */
export function reserveOf(limit: number, used: number, windowMs: number, count: number): number {
  if (count === 0) return 0;
  return Math.floor((Math.max(0, limit - used) * (windowMs > LONG_MS ? PART_OF_LONG : PART)) / count);
}

/** The same in Lua; the length is in microseconds. */
export const RESERVE = `
local function reserveOf(limit, used, length, count)
  return math.floor(math.max(0, limit - used) * (length > ${LONG_MS * 1_000} and ${PART_OF_LONG} or ${PART}) / count)
end
`;
