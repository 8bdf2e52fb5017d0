import { metrics, type ObservableResult } from '@opentelemetry/api';

/** What an operator sees of the writer; does nothing until the process sets a meter provider up. */
export interface SegmentFigures {
  acknowledged(bytes: number, records: number, durationMs: number): void;
  retried(): void;
  epochLost(): void;
  /** Ends the gauges. */
  close(): void;
}

/** `waiting` (calls with records to write) and `lagMs` (age of the append in flight) are asked at collection. */
export function segmentFigures(waiting: () => number, lagMs: () => number): SegmentFigures {
  const meter = metrics.getMeter('sluice.segment');
  const ack = meter.createHistogram('sluice.segment.ack', { unit: 'ms', description: 'From the first append of a segment to its acknowledgement' });
  const bytes = meter.createCounter('sluice.segment.bytes', { unit: 'By', description: 'Acknowledged segments' });
  const records = meter.createCounter('sluice.segment.records', { unit: '{record}', description: 'Records in acknowledged segments' });
  const retries = meter.createCounter('sluice.segment.retries', { unit: '{append}', description: 'Appends repeated because their fate was unknown' });
  const losses = meter.createCounter('sluice.segment.epochs_lost', { unit: '{epoch}', description: 'Epochs that ended against the will of this process' });
  const waitingGauge = meter.createObservableGauge('sluice.segment.waiting', { unit: '{call}', description: 'Calls with records to write' });
  const lagGauge = meter.createObservableGauge('sluice.segment.lag', { unit: 'ms', description: 'Age of the append in flight' });
  const observeWaiting = (result: ObservableResult): void => result.observe(waiting());
  const observeLag = (result: ObservableResult): void => result.observe(lagMs());
  waitingGauge.addCallback(observeWaiting);
  lagGauge.addCallback(observeLag);
  return {
    acknowledged(size, count, durationMs) {
      ack.record(durationMs);
      bytes.add(size);
      records.add(count);
    },
    retried: () => retries.add(1),
    epochLost: () => losses.add(1),
    close() {
      waitingGauge.removeCallback(observeWaiting);
      lagGauge.removeCallback(observeLag);
    },
  };
}
