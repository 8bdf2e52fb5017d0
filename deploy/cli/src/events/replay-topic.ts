import type { LogOperations } from '@sluice/events';
import { CommandFailed } from '../exit-code.ts';
import { untilSettled } from './until-settled.ts';

/** Consumers whose effects bear being made once more. */
const BEAR_IT = [
  // It bills a call of which it has neither an item nor a hold; an item is never removed.
  'call.abandoned by billing',
];

/** Why the others do not. */
const REASONS = new Map([
  ['admin.acted by audit', 'each act stands in its log already, from which nothing can be removed, and a second one of the same id stops everything behind it'],
]);

export interface Replayed {
  /** Of the first record that comes again. */
  readonly from: bigint;
  readonly records: bigint;
  /** Of these, as far as was waited. */
  readonly handled: bigint;
  /** Dead letters that went, because their records come again. */
  readonly letters: number;
}

/** Throws a CommandFailed where handling records twice would do damage, or is not known not to. */
export function checkReplay(topic: string, consumer: string): void {
  if (topic === 'calls') {
    throw new CommandFailed('calls cannot be replayed: its segments count by their place in an epoch, and audit and billing have each of them in their tables for good. What differs between the two shows: sluice reconcile');
  }
  const replay = `${topic} by ${consumer}`;
  if (BEAR_IT.includes(replay)) return;
  const reason = REASONS.get(replay) ?? 'it is not known to bear handling a record twice';
  throw new CommandFailed(`${topic} cannot be replayed for ${consumer}: ${reason}.\nWhat can be replayed: ${BEAR_IT.join(', ')}`);
}

/** Puts the consumer back and waits a while until it has handled again what there was. */
export async function replayTopic(log: LogOperations, { topic, consumer, since }: { readonly topic: string; readonly consumer: string; readonly since: string }, waitMs: number, signal: AbortSignal): Promise<Replayed> {
  const { position, head, letters } = await log.rewind(topic, consumer, Date.parse(since));
  const reached = await untilSettled(async () => (await log.positionOf(topic, consumer)) ?? position, (at) => at >= head, waitMs, signal);
  return { from: position + 1n, records: head - position, handled: (reached < head ? reached : head) - position, letters };
}
