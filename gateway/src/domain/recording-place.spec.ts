import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Place, Segments } from './ports.ts';
import { recordingPlace } from './recording-place.ts';

const PLACE: Place = { producer: 'gateway-1', epoch: 4n };

function segments(over: Partial<{ -readonly [Name in keyof Segments]: Segments[Name] }> = {}): Segments & { place: Place | undefined } {
  return { accepting: () => undefined, open: () => undefined, close: () => undefined, enqueue: () => undefined, place: undefined, placed: () => Promise.resolve(), ...over };
}

describe('where a call will be recorded', () => {
  it('is the epoch that is held, or the next one as soon as it is', async () => {
    expect(await recordingPlace(segments({ place: PLACE }), new ManualClock())).toBe(PLACE);
    const taken = Promise.withResolvers<void>();
    const later = segments({ placed: () => taken.promise });
    const place = recordingPlace(later, new ManualClock());
    later.place = PLACE;
    taken.resolve();
    expect(await place).toBe(PLACE);
  });

  it('is nowhere when no epoch is held in time, or no call can be recorded', async () => {
    const clock = new ManualClock();
    const refused = expect(recordingPlace(segments({ placed: () => new Promise(() => undefined) }), clock)).rejects.toMatchObject({ code: 'audit_log_unavailable' });
    clock.advance(5_000);
    await refused;
    const accepting = (): void => {
      throw new ServiceError('draining', 'closing');
    };
    await expect(recordingPlace(segments({ accepting, place: PLACE }), clock)).rejects.toMatchObject({ code: 'draining' });
  });
});
