import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { metrics } from '@opentelemetry/api';
import { startTelemetry, type Telemetry } from '@sluice/telemetry';
import { PlainCounter } from './plain-counter.ts';

let telemetry: Telemetry;
beforeEach(() => { telemetry = startTelemetry({ serviceVersion: '1' }); });
afterEach(() => telemetry.shutdown());

const lines = async (): Promise<string[]> => (await telemetry.prometheusText()).split('\n').filter((line) => line.startsWith('sluice_apples'));

describe('a plain counter', () => {
  it('shows each row with its labels and its sum, at every collection, until it is closed', async () => {
    const counter = new PlainCounter(metrics.getMeter('test'), 'sluice.apples', { unit: '{apple}' });
    expect(await lines()).toEqual([]);
    counter.add(2, 'red', () => ({ colour: 'red' }));
    counter.add(3, 'green', () => ({ colour: 'green' }));
    counter.add(5, 'red', () => { throw new Error('labels are made once'); });
    const expected = ['sluice_apples_total{colour="red"} 7', 'sluice_apples_total{colour="green"} 3'];
    expect(await lines()).toEqual(expected);
    expect(await lines()).toEqual(expected);
    counter.close();
    counter.add(1, 'red', () => ({}));
    expect(await lines()).not.toContain('sluice_apples_total{colour="red"} 8');
  });
});
