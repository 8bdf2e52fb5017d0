import { metrics, type ObservableResult } from '@opentelemetry/api';

/** Shows the age of a copy in `sluice.replica.age`, read when metrics are asked for. Returns how to take it back. */
export function observeAge(name: string, ageMs: () => number): () => void {
  const gauge = metrics.getMeter('sluice.replica').createObservableGauge('sluice.replica.age', {
    unit: 's',
    description: 'Time since a copy of another service last knew to be up to date; absent before its first load',
  });
  const observe = (result: ObservableResult): void => {
    const age = ageMs();
    // Infinity is no age: a copy that was never loaded shows in the health of its owner.
    if (Number.isFinite(age)) result.observe(age / 1000, { replica: name });
  };
  gauge.addCallback(observe);
  return () => gauge.removeCallback(observe);
}
