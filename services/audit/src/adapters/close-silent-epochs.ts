import type { EventLog, OpenEpoch } from '@sluice/events';
import { isSilent } from '../domain/silence.ts';

/** Closes the epochs of producers that gave no sign of life, or are known to have ended; returns those that were closed by this call. */
export async function closeSilentEpochs(events: Pick<EventLog, 'openEpochs' | 'closeEpoch'>): Promise<readonly OpenEpoch[]> {
  const closed: OpenEpoch[] = [];
  for (const open of await events.openEpochs()) {
    if ((open.isReplaced || isSilent(open.silentMs)) && (await events.closeEpoch(open.producer, open.epoch))) closed.push(open);
  }
  return closed;
}
