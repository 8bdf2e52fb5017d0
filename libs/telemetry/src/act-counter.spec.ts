import { afterEach, describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { actCounter, startTelemetry, type Telemetry } from './index.ts';

let telemetry: Telemetry | undefined;
afterEach(async () => telemetry?.shutdown());

describe('actCounter', () => {
  it('counts how acts ended, and hands on what they gave or threw', async () => {
    const countAct = actCounter('model-registry');
    telemetry = startTelemetry({ serviceVersion: '1' });
    const refused = new ServiceError('not_found', 'There is none.');
    expect(await countAct('model.add', async () => 7)).toBe(7);
    await expect(countAct('model.remove', () => Promise.reject(refused))).rejects.toBe(refused);
    await expect(countAct('model.remove', () => Promise.reject(new Error('a fault')))).rejects.toThrow('a fault');
    const text = await telemetry.prometheusText();
    expect(text).toMatch(/sluice_model_registry_acts_total\{action="model.add",outcome="done"[^}]*\} 1/);
    expect(text).toMatch(/sluice_model_registry_acts_total\{action="model.remove",outcome="not_found"[^}]*\} 1/);
    expect(text).toMatch(/sluice_model_registry_acts_total\{action="model.remove",outcome="internal"[^}]*\} 1/);
  });
});
