import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { deployment } from '../testing/scripted-backend.ts';
import { never, RoutedCalls } from '../testing/routed-calls.ts';
import { chatCall } from '../testing/scripted-backend.ts';
import type { BackendCall } from './backend.ts';
import { countInput } from './count-input.ts';
import { COUNTED_DEPLOYMENTS_LIMIT } from './limits.ts';

/** A fleet in which each deployment counts as its name is given, or cannot where it is given nothing. */
class Counts extends RoutedCalls {
  readonly asked: BackendCall[] = [];
  readonly warnings: string[] = [];

  async counting(tokens: Readonly<Record<string, number | ServiceError | undefined>>, placement: 'inside' | 'external' = 'inside'): Promise<this> {
    await this.deploy(...Object.keys(tokens).map((id, at) => deployment(id, { placement: at === 0 ? placement : 'inside' })));
    for (const [id, given] of Object.entries(tokens)) {
      this.backend(id).countInput = async (call) => {
        this.asked.push(call);
        if (given instanceof ServiceError) throw given;
        return given;
      };
    }
    return this;
  }

  count(given: { readonly organisationId?: string; readonly signal?: AbortSignal } = {}): Promise<number | undefined> {
    const { registry, fleet } = this;
    const onFailedCount = ({ id }: { id: string }, { code }: ServiceError): void => void this.warnings.push(`${id} ${code}`);
    return countInput({ callId: 'c', organisationId: 'org_1', modelId: 'model_1', call: chatCall('m'), ...given }, given.signal ?? never, { registry, fleet, onFailedCount });
  }
}

describe('the tokens of a prompt', () => {
  it('are told by the deployment of its model, which is asked with the call as it would be sent, and generates nothing', async () => {
    const calls = await new Counts().counting({ dep_1: 37 });
    expect(await calls.count()).toBe(37);
    expect(calls.asked).toMatchObject([{ callId: 'c', versionId: 'ver_1', deploymentId: 'dep_1', upstreamModel: 'm', call: { model: 'm', choices: 1 } }]);
    expect([calls.backend('dep_1').calls, calls.fleet.list()[0]!.inFlight]).toEqual([[], 0]);
  });

  it('are the most that any deployment counts, because each of them may answer', async () => {
    expect(await (await new Counts().counting({ dep_1: 30, dep_2: 41, dep_3: 35 })).count()).toBe(41);
  });

  it('are not known where one deployment does not know them', async () => {
    expect(await (await new Counts().counting({ dep_1: 30, dep_2: undefined })).count()).toBeUndefined();
    const without = await new Counts().counting({ dep_1: 30 });
    delete without.backend('dep_1').countInput;
    expect(await without.count()).toBeUndefined();
  });

  it('are asked of nobody where one deployment is outside of the house, away, or one too many', async () => {
    const external = await new Counts().counting({ dep_1: 30, dep_2: 30 }, 'external');
    expect([await external.count(), external.asked]).toEqual([undefined, []]);
    const away = await new Counts().counting({ dep_1: 30, dep_2: 30 });
    const [, second] = away.fleet.list();
    for (let failures = 0; failures < 5; failures++) second!.end(second!.begin(), new ServiceError('upstream_error', 'broken'));
    expect([await away.count(), away.asked]).toEqual([undefined, []]);
    const ids = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`dep_${at}`, 7]));
    expect(await (await new Counts().counting(ids(COUNTED_DEPLOYMENTS_LIMIT))).count()).toBe(7);
    const many = await new Counts().counting(ids(COUNTED_DEPLOYMENTS_LIMIT + 1));
    expect([await many.count(), many.asked]).toEqual([undefined, []]);
  });

  it('are told to nobody of another organisation, and not of a model without deployments', async () => {
    const calls = await new Counts().counting({ dep_1: 30 });
    expect([await calls.count({ organisationId: 'org_2' }), calls.asked]).toEqual([undefined, []]);
    await calls.deploy();
    expect(await calls.count()).toBeUndefined();
  });

  it.each([
    ['upstream_error', ['dep_1 upstream_error']],
    ['overloaded', ['dep_1 overloaded']],
    ['context_length_exceeded', []],
    ['cancelled', []],
  ] as const)('are not known when the count fails with %s; the deployment answers on, and is blamed where it is to blame', async (code, warnings) => {
    const calls = await new Counts().counting({ dep_1: new ServiceError(code, 'no') });
    for (let count = 0; count < 8; count++) expect(await calls.count()).toBeUndefined();
    expect(new Set(calls.warnings)).toEqual(new Set(warnings));
    expect(calls.fleet.list()[0]).toMatchObject({ isHealthy: true, isResting: false });
    expect(await calls.ask()).toBe('from dep_1');
  });
});
