import { metrics, type Counter, type ObservableGauge, type ObservableResult } from '@opentelemetry/api';
import type { BilledCall } from '../domain/call.ts';
import type { Refusal } from '../domain/hold.ts';

/** The figures an operator watches. What was billed is counted when it is durable, so it is what the ledger says. */
export class BillingFigures {
  readonly #calls: Counter;
  readonly #refusals: Counter;
  readonly #overrun: Counter;
  readonly #strays: Counter;
  readonly #observed: { readonly gauge: ObservableGauge; readonly observe: (result: ObservableResult) => void }[] = [];

  constructor(read: { readonly lag: () => number; readonly holds: () => number }) {
    const meter = metrics.getMeter('sluice.billing');
    this.#calls = meter.createCounter('sluice.billing.calls', { description: 'Calls that were billed' });
    this.#refusals = meter.createCounter('sluice.billing.refusals', { description: 'Holds that a budget refused, by level' });
    this.#overrun = meter.createCounter('sluice.billing.overruns', { description: 'Calls whose upstream reported more than was held' });
    this.#strays = meter.createCounter('sluice.billing.strays', { description: 'Records that changed nothing because no producer should write them' });
    this.#watch(meter.createObservableGauge('sluice.billing.lag', { description: 'Segments not yet in the ledger' }), read.lag);
    this.#watch(meter.createObservableGauge('sluice.billing.holds', { description: 'Calls that money is set aside for' }), read.holds);
  }

  addBilled(calls: readonly BilledCall[]): void {
    this.#calls.add(calls.length);
    const overruns = calls.filter(({ overrunNano }) => overrunNano > 0n).length;
    if (overruns > 0) this.#overrun.add(overruns);
  }

  addRefusal({ subject }: Refusal): void {
    this.#refusals.add(1, { level: subject.level });
  }

  addStrays(strays: number): void {
    this.#strays.add(strays);
  }

  stop(): void {
    for (const { gauge, observe } of this.#observed) gauge.removeCallback(observe);
  }

  #watch(gauge: ObservableGauge, read: () => number): void {
    const observe = (result: ObservableResult): void => result.observe(read());
    gauge.addCallback(observe);
    this.#observed.push({ gauge, observe });
  }
}
