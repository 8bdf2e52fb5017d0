import type { Attributes, Meter, MetricOptions, ObservableResult } from '@opentelemetry/api';

/**
 * A counter for the path of every call: a row of plain numbers, read at collection. A recording of the library sorts and
 * serialises its labels each time, which costs more than a microsecond and a kilobyte.
 */
export class PlainCounter {
  readonly #rows = new Map<string, { readonly labels: Attributes; total: number }>();
  readonly #stop: () => void;

  constructor(meter: Meter, name: string, options: MetricOptions) {
    const counter = meter.createObservableCounter(name, options);
    const observe = (result: ObservableResult): void => {
      for (const { labels, total } of this.#rows.values()) result.observe(total, labels);
    };
    counter.addCallback(observe);
    this.#stop = () => counter.removeCallback(observe);
  }

  /** `row` names the labels: the same text, the same labels. There are as many rows as there are texts, so none may come from outside. */
  add(amount: number, row: string, labels: () => Attributes): void {
    const known = this.#rows.get(row);
    if (known) known.total += amount;
    else this.#rows.set(row, { labels: labels(), total: amount });
  }

  /** Ends the observation. */
  close(): void {
    this.#stop();
  }
}
