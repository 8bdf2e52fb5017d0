import { afterEach, describe, expect, it } from '@jest/globals';
import { metrics, type MeterProvider, type ObservableCallback } from '@opentelemetry/api';
import { LetterWatch } from './letter-watch.ts';

afterEach(() => metrics.disable());

describe('the gauge of dead letters', () => {
  it('shows those of every running consumer, and nothing after the end', () => {
    // As in a host: the log is there before telemetry is.
    const watch = new LetterWatch();
    const gauges = new Map<string, ObservableCallback[]>();
    const gauge = (name: string) => {
      const callbacks: ObservableCallback[] = [];
      gauges.set(name, callbacks);
      return { addCallback: (callback: ObservableCallback) => callbacks.push(callback), removeCallback: (callback: ObservableCallback) => callbacks.splice(callbacks.indexOf(callback), 1) };
    };
    metrics.setGlobalMeterProvider({ getMeter: () => ({ createObservableGauge: gauge }) } as unknown as MeterProvider);
    const reader = { consumer: 'audit', topic: 'admin.acted', letters: 3, isHeld: false };
    watch.add(reader);
    const collect = (): unknown[] => {
      const seen: unknown[] = [];
      for (const callback of gauges.get('sluice.events.dead_letters')!) void callback({ observe: (value, attributes) => seen.push([value, attributes]) });
      return seen;
    };
    expect(collect()).toEqual([[3, { consumer: 'audit', topic: 'admin.acted' }]]);
    watch.remove(reader);
    expect(collect()).toEqual([]);
    watch.add(reader);
    watch.stop();
    expect(collect()).toEqual([]);
  });
});
