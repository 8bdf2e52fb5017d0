import { estimateTokens } from '@sluice/segment';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Events } from './call.ts';

/** What one count of the backend covers leaves together or not at all; behind the last count each event by itself. */
export function* countedTogether(events: Events): Generator<Events> {
  let from = 0;
  for (const [at, { event }] of events.entries()) {
    if (event.case !== 'counts') continue;
    yield events.slice(from, at + 1);
    from = at + 1;
  }
  for (const event of events.slice(from)) yield [event];
}

/** Whether an event brings more text than so many tokens. */
export function isLargerThan(tokens: number, { event }: ChatEvent): boolean {
  return event.case === 'delta' && estimateTokens(Buffer.byteLength(event.value.text)) > tokens;
}

/** The end of a choice for which there is no money. */
export function stopped(choice: number): ChatEvent {
  return { $typeName: 'chat.v1.ChatEvent', event: { case: 'finished', value: { $typeName: 'chat.v1.Finished', choice, reason: 'length', stoppedBy: 'budget' } } };
}

/** An answer that ended at a length that the budget set, not the client. */
export function withClip(given: ChatEvent): ChatEvent {
  const { event } = given;
  return event.case === 'finished' && event.value.reason === 'length' ? stopped(event.value.choice) : given;
}
