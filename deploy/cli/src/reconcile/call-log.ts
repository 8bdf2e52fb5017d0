import { fromBinary } from '@bufbuild/protobuf';
import type { SegmentEntry } from '@sluice/events';
import { SegmentSchema } from '@sluice/proto/events/v1/calls';
import type { LoggedCall } from './accounts.ts';

/** A call's id begins with the milliseconds at which the call did (RFC 9562, section 5.7). */
const MS_DIGITS = 12;

/** What the event log says of the calls that began in a time, from the entries of its segments in any order. */
export class CallLog {
  readonly #sinceMs: number;
  readonly #untilMs: number;
  readonly #calls = new Map<string, { ends: number; isLate: boolean }>();

  /** Milliseconds since the Unix epoch; the last one is not included. */
  constructor(sinceMs: number, untilMs: number) {
    this.#sinceMs = sinceMs;
    this.#untilMs = untilMs;
  }

  take(entries: readonly SegmentEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === 'closed') continue;
      for (const { callId, record } of fromBinary(SegmentSchema, entry.segment.bytes).records) {
        if (!this.#isWanted(callId)) continue;
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

  #isWanted(callId: string): boolean {
    const ms = beganMs(callId);
    return ms >= this.#sinceMs && ms < this.#untilMs;
  }
}

/** When a call began, in milliseconds since the Unix epoch. */
export function beganMs(callId: string): number {
  return Number.parseInt(callId.slice(0, MS_DIGITS), 16);
}

function isEnd(kind: string | undefined): boolean {
  return kind === 'completed' || kind === 'refused';
}
