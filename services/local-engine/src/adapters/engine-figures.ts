import { metrics, type BatchObservableCallback } from '@opentelemetry/api';
import type { Engine } from '../domain/engine.ts';

/** How much the models have to do, read when metrics are asked for. Returns how to take the gauges back. */
export function observeEngine(engine: Engine): () => void {
  const meter = metrics.getMeter('sluice.local_engine');
  const waiting = meter.createObservableGauge('sluice.local_engine.waiting', { unit: '{request}', description: 'Requests that wait for a sequence of a model' });
  const inUse = meter.createObservableGauge('sluice.local_engine.sequences_in_use', { unit: '{sequence}', description: 'Answers that a model is making' });
  const all = meter.createObservableGauge('sluice.local_engine.sequences', { unit: '{sequence}', description: 'Answers that a model can make at once' });
  const gauges = [waiting, inUse, all];
  const observe: BatchObservableCallback = (result) => {
    for (const { name, load, settings } of engine.models) {
      const labels = { 'gen_ai.request.model': name };
      result.observe(waiting, load.waiting, labels);
      result.observe(inUse, load.inUse, labels);
      result.observe(all, settings.sequences, labels);
    }
  };
  meter.addBatchObservableCallback(observe, gauges);
  return () => meter.removeBatchObservableCallback(observe, gauges);
}
