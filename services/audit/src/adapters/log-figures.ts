import { metrics, type Counter, type ObservableGauge, type ObservableResult } from '@opentelemetry/api';
import type { Clock } from '@sluice/clock';

/** The figures an operator watches: how far behind, how large, how fresh. */
export class LogFigures {
  readonly #clock: Clock;
  readonly #strays: Counter;
  readonly #observed: { readonly gauge: ObservableGauge; readonly observe: (result: ObservableResult) => void }[] = [];
  #readLag: (() => number) | undefined;
  #checkpoint: { readonly size: bigint; readonly signedAtMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    const meter = metrics.getMeter('sluice.audit');
    this.#strays = meter.createCounter('sluice.audit.strays', { description: 'Records that changed nothing because no producer should write them' });
    this.#watch(meter.createObservableGauge('sluice.audit.lag', { description: 'Segments not yet integrated' }), () => this.#readLag?.());
    this.#watch(meter.createObservableGauge('sluice.audit.log.size', { description: 'Entries under the newest checkpoint' }), () => this.#checkpoint && Number(this.#checkpoint.size));
    this.#watch(meter.createObservableGauge('sluice.audit.checkpoint.age', { unit: 's', description: 'Time since the newest checkpoint was signed' }), () =>
      this.#checkpoint && (this.#clock.wallMs() - this.#checkpoint.signedAtMs) / 1000);
  }

  watchLag(readLag: () => number): void {
    this.#readLag = readLag;
  }

  setCheckpoint(checkpoint: { readonly size: bigint; readonly signedAtMs: number }): void {
    this.#checkpoint = checkpoint;
  }

  addStrays(strays: number): void {
    this.#strays.add(strays);
  }

  stop(): void {
    for (const { gauge, observe } of this.#observed) gauge.removeCallback(observe);
  }

  #watch(gauge: ObservableGauge, read: () => number | undefined): void {
    const observe = (result: ObservableResult): void => {
      const value = read();
      if (value !== undefined) result.observe(value);
    };
    gauge.addCallback(observe);
    this.#observed.push({ gauge, observe });
  }
}
