import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UPLOAD_LIMIT_MS, UPLOAD_WINDOW_MIN_BYTES, UPLOAD_WINDOW_MS, UploadPace } from './upload-pace.ts';

const LEAST_BYTES_PER_MS = (2 * UPLOAD_WINDOW_MIN_BYTES) / UPLOAD_WINDOW_MS;

/** When an upload is found too slow; looks come at irregular times, as on a busy machine. */
function refusedAtMs(looksMs: readonly number[], arrivedAt: (ms: number) => number): number | undefined {
  const pace = new UploadPace();
  return looksMs.find((ms) => pace.isTooSlow(ms, arrivedAt(ms)));
}

/** Looks from the first second to the second time limit. */
const looks = fc.infiniteStream(fc.integer({ min: 500, max: 3_000 })).map((pauses) => {
  const times: number[] = [];
  for (let ms = 0; ms < 2 * UPLOAD_LIMIT_MS; times.push(ms)) ms += pauses.next().value as number;
  return times;
});

describe('the pace of an upload', () => {
  it('is never too slow while it is even and its time is not over', () => {
    fc.assert(
      fc.property(looks, fc.double({ min: LEAST_BYTES_PER_MS, max: 10_000, noNaN: true }), (times, bytesPerMs) => {
        const refused = refusedAtMs(times, (ms) => Math.floor(ms * bytesPerMs));
        expect(refused).toBeGreaterThanOrEqual(UPLOAD_LIMIT_MS - UPLOAD_WINDOW_MS);
        expect(refused).toBeLessThan(UPLOAD_LIMIT_MS + 2 * 3_000);
      }),
    );
  });

  it('is too slow soon after nothing comes any more, whatever came before', () => {
    fc.assert(
      fc.property(looks, fc.integer({ min: 0, max: 10_000_000 }), fc.integer({ min: 0, max: UPLOAD_LIMIT_MS }), (times, bytes, stopsMs) => {
        const refused = refusedAtMs(times, (ms) => Math.floor((bytes * Math.min(ms, stopsMs)) / Math.max(1, stopsMs)));
        expect(refused).toBeLessThan(stopsMs + 2 * UPLOAD_WINDOW_MS + 4 * 3_000);
      }),
    );
  });

  it('must be the faster the more has come: a large body cannot trickle', () => {
    const trickle = (held: number) => refusedAtMs(Array.from({ length: 100 }, (_, second) => second * 1_000), (ms) => held + ms);
    expect(trickle(10_000_000)).toBe(UPLOAD_WINDOW_MS);
    expect(trickle(10_000)).toBe(UPLOAD_LIMIT_MS);
  });
});
