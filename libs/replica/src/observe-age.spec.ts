import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import type { EventLog, Follower } from '@sluice/events';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import { silentLogger, startTelemetry, type Telemetry } from '@sluice/telemetry';
import { Replica } from './index.ts';

describe('the age of a replica', () => {
  let telemetry: Telemetry;
  beforeEach(() => {
    telemetry = startTelemetry({ serviceVersion: '0' });
  });
  afterEach(() => telemetry.shutdown());

  it('is a figure from its first load on, falls with a beat, and is asked for no more once stopped', async () => {
    const clock = new ManualClock();
    let follower: Follower<typeof AccessChangedSchema> | undefined;
    const events: Pick<EventLog, 'follow'> = {
      follow: (_schema, _after, given) => {
        follower = given as never;
        return { stop: () => Promise.resolve(), caughtUp: () => Promise.resolve(), lag: () => 0 };
      },
    };
    const load = () => Promise.resolve({ position: 0n, state: 'all' });
    const replica = new Replica({ name: 'access', events, schema: AccessChangedSchema, clock, logger: silentLogger, load, apply: (state: string) => state });
    const shown = async (): Promise<string | undefined> => /sluice_replica_age(?:_seconds)?\{replica="access"[^}]*\} (\S+)/.exec(await telemetry.prometheusText())?.[1];

    expect(await shown()).toBeUndefined();
    replica.start();
    await replica.ready();
    clock.advance(200);
    expect(await shown()).toBe('0.2');
    follower!.onBeat(0n);
    expect(await shown()).toBe('0');
    await replica.stop();
    clock.advance(5_000);
    expect(await shown()).toBe('0');
  });
});
