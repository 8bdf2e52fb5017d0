import { afterEach, describe, expect, it } from '@jest/globals';
import { startTelemetry, type Telemetry } from '@sluice/telemetry';
import { OpenCalls } from '../domain/open-calls.ts';
import { callFigures } from './call-figures.ts';

let telemetry: Telemetry | undefined;
afterEach(async () => telemetry?.shutdown());

describe('the figures of the front door', () => {
  it('say how many calls are open and what they hold, until they are closed', async () => {
    telemetry = startTelemetry({ serviceVersion: '1' });
    const open = new OpenCalls(5, 1_000);
    const figures = callFigures(open);
    const seen = async (): Promise<string[]> => (await telemetry!.prometheusText()).split('\n').flatMap((line) => /^sluice_gateway_(open_calls|held_bytes)\D.*$/.exec(line)?.[0].replace(/\{.*\}/, '') ?? []);
    const [first, second] = [open.enter(), open.enter()];
    open.hold(first, 300);
    open.hold(second, 200);
    expect(await seen()).toEqual(['sluice_gateway_open_calls 2', 'sluice_gateway_held_bytes 500']);
    for (const call of [first, second]) {
      open.clientLeft(call);
      open.workEnded(call);
    }
    expect(await seen()).toEqual(['sluice_gateway_open_calls 0', 'sluice_gateway_held_bytes 0']);
    figures.close();
    open.hold(open.enter(), 7);
    expect(await seen()).toEqual(['sluice_gateway_open_calls 0', 'sluice_gateway_held_bytes 0']);
  });
});
