import { fromBinary } from '@bufbuild/protobuf';
import type { SegmentEntry } from '@sluice/events';
import { SegmentSchema } from '@sluice/proto/events/v1/calls';
import type { LoggedCall } from './accounts.ts';
import { beganIn, type Window } from './window.ts';

/** What the event log says of the calls that began in a time, from the entries of its segments in any order. */
export class CallLog {
  readonly #window: Window;
  readonly #calls = new Map<string, { ends: number; isLate: boolean }>();

  constructor(window: Window) {
    this.#window = window;
  }

  take(entries: readonly SegmentEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === 'closed') continue;
      for (const { callId, record } of fromBinary(SegmentSchema, entry.segment.bytes).records) {
        if (!beganIn(this.#window, callId)) continue;
        const isLate = entry.kind === 'late';
        const call = this.#calls.get(callId) ?? { ends: 0, isLate };
        // A call counts as soon as one of its records does.
        this.#calls.set(callId, { ends: call.ends + (!isLate && isEnd(record.case) ? 1 : 0), isLate: call.isLate && isLate });
      }
    }
  }

  calls(): LoggedCall[] {
    return [...this.#calls].map(([id, { ends, isLate }]) => ({ id, ends, isLate }));
  }
}

function isEnd(kind: string | undefined): boolean {
  return kind === 'completed' || kind === 'refused';
}
