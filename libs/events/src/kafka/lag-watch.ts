import { metrics, type ObservableGauge, type ObservableResult } from '@opentelemetry/api';

export interface Lagging {
  readonly consumer: string;
  readonly topic: string;
  lag(): number;
}

/** Shows how far each consumer of this process is behind, and the outbox behind its transactions (`consumer`: `relay`). */
export class LagWatch {
  readonly #readers = new Set<Lagging>();
  #gauge: ObservableGauge | undefined;
  readonly #observe = (result: ObservableResult): void => {
    for (const reader of this.#readers) result.observe(reader.lag(), { consumer: reader.consumer, topic: reader.topic });
  };

  /** With the first reader: a gauge that is made before telemetry starts shows nothing, for ever. */
  add(reader: Lagging): void {
    this.#readers.add(reader);
    if (this.#gauge) return;
    this.#gauge = metrics.getMeter('sluice.events').createObservableGauge('sluice.events.consumer_lag', { unit: '{record}', description: 'Records in the log that a consumer of this process has not handled' });
    this.#gauge.addCallback(this.#observe);
  }

  remove(reader: Lagging): void {
    this.#readers.delete(reader);
  }

  stop(): void {
    this.#gauge?.removeCallback(this.#observe);
  }
}
