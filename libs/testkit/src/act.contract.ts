import { expect, it } from '@jest/globals';
import type { EventLog } from '@sluice/events';
import type { Platform } from '@sluice/platform';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import type { SqlPool } from '@sluice/sql';
import { breaksAt } from './breaking-log.ts';

/** A service in a house of its own. */
export interface ActsUnderTest<Running> {
  readonly house: { readonly events: EventLog; sql(schema: string): SqlPool; start(parts: Partial<Platform>): Promise<Running> };
  /** A process of the service in which nothing breaks. */
  readonly sound: Running;
  /** All that acts may change, as the tables hold it, and the position of the service's topic. */
  content(): Promise<{ readonly position: bigint; readonly state: unknown }>;
}

/**
 * What every act of an administrator owes the audit and the replicas: it happens with the change and the record of it, or
 * not at all, whichever of the two cannot be published.
 */
export function actContract<Running>(acts: readonly (readonly [name: string, act: (running: Running) => Promise<unknown>])[], at: () => ActsUnderTest<Running>): void {
  it.each(acts)('does not happen, or happens with its change and its record: %s', async (_name, act) => {
    const { house, sound, content } = at();
    const sql = house.sql('public');
    const recorded = () => sql.transaction((transaction) => house.events.position(transaction, AdminActedSchema));
    const before = await content();
    const acted = await recorded();
    for (const publication of [1, 2]) {
      const broken = await house.start({ events: breaksAt(house.events, publication) });
      await expect(act(broken)).rejects.toMatchObject({ code: 'internal', message: expect.not.stringContaining('power cut') });
      expect([await content(), await recorded()]).toEqual([before, acted]);
    }
    await act(sound);
    const after = await content();
    expect([after.position, await recorded()]).toEqual([before.position + 1n, acted + 1n]);
    expect(after.state).not.toEqual(before.state);
  });
}
