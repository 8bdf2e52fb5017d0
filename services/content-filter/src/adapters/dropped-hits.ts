import { metrics, type Counter } from '@opentelemetry/api';

/** Counts calls whose hits are in no statistics, as `sluice.content_filter.dropped_hits`. */
export function droppedHitsCounter(): (calls: number) => void {
  let counter: Counter | undefined;
  return (calls) => {
    // Made with the first: a counter that is made before telemetry has started counts nothing, for ever.
    counter ??= metrics.getMeter('@sluice/content-filter').createCounter('sluice.content_filter.dropped_hits', {
      description: 'Calls whose hits are in no statistics, because the owner of the rules was away for too long',
    });
    counter.add(calls);
  };
}
