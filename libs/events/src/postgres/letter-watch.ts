import { metrics, type ObservableGauge, type ObservableResult } from '@opentelemetry/api';
import type { HealthState } from '@sluice/lifecycle';

/** A consumer of a topic, as far as its failures show. */
export interface WatchedReader {
  readonly consumer: string;
  readonly topic: string;
  readonly letters: number;
  readonly isHeld: boolean;
}

/** Tells an operator of records that a consumer could not handle: nothing of them may go unseen. */
export class LetterWatch {
  readonly #readers = new Set<WatchedReader>();
  #gauge: ObservableGauge | undefined;
  readonly #observe = (result: ObservableResult): void => {
    for (const { consumer, topic, letters } of this.#readers) result.observe(letters, { consumer, topic });
  };

  add(reader: WatchedReader): void {
    this.#readers.add(reader);
    this.#show();
  }

  remove(reader: WatchedReader): void {
    this.#readers.delete(reader);
  }

  health(): HealthState {
    const faults = [...this.#readers].flatMap(({ consumer, topic, letters, isHeld }) => [
      ...(isHeld ? [`${consumer} cannot handle the next record of ${topic}, and everything behind it waits.`] : []),
      ...(letters > 0 ? [`${consumer} could not handle ${letters} records of ${topic}; they are kept as dead letters.`] : []),
    ]);
    return faults.length > 0 ? { status: 'degraded', detail: faults.join(' ') } : { status: 'ok' };
  }

  stop(): void {
    this.#gauge?.removeCallback(this.#observe);
  }

  /** With the first reader: the log is opened before telemetry starts, and a gauge that is made by then shows nothing, for ever. */
  #show(): void {
    if (this.#gauge) return;
    this.#gauge = metrics.getMeter('sluice.events').createObservableGauge('sluice.events.dead_letters', { unit: '{record}', description: 'Records that a consumer could not handle and that were moved away' });
    this.#gauge.addCallback(this.#observe);
  }
}
