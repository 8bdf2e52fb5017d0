import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { CommandFailed } from '../exit-code.ts';
import { HttpApi } from '../platform-api/http-api.ts';
import { ApiServer } from '../testing/api-server.ts';
import type { Doing, NewKey, Step } from './plan/plan.ts';
import { runPlan, type Ran } from './run-plan.ts';

const server = new ApiServer();
let api: HttpApi;
beforeAll(async () => {
  await server.listen();
  api = new HttpApi(server.url, 'sk-sluice-admin-test', server.url);
});
afterAll(() => server.close());

const error = (code: string): object => ({ error: { message: `It is ${code}.`, type: 'x', param: null, code } });
const asking = (what: string, sign: Step['sign'] = '+', path = what): Step => ({ sign, what, details: [], run: async ({ api: asked, signal }: Doing) => asked.send('PUT', `/${encodeURIComponent(path)}`, z.unknown(), {}, signal) });
const run = async (steps: readonly Step[], signal = new AbortController().signal, begin: (step: Step) => void = () => undefined): Promise<Ran> => runPlan(api, steps, { signal, keepKey: (_: NewKey) => undefined, begin });

beforeAll(() => {
  server.on('PUT /good', { json: {} }).on('PUT /refused', { status: 409, json: error('failed_precondition') }).on('PUT /broken', { status: 500, json: error('internal') }).on('PUT /cut', { stream: ['{'], isCut: true }).on('PUT /never', { never: true });
});

describe('the changes of a file', () => {
  it('are made one after the other, each told before it is begun', async () => {
    const begun: string[] = [];
    const ran = await run([asking('good'), asking('good', '~')], undefined, ({ sign, what }) => begun.push(sign + what));
    expect([begun, ran]).toEqual([['+good', '~good'], { outcomes: ['done', 'done'], failure: undefined }]);
  });

  it('stop at one that is refused: nothing was done by it', async () => {
    const { outcomes, failure } = await run([asking('good'), asking('refused', '~'), asking('good')]);
    expect([outcomes, failure?.message.split('\n')]).toEqual([['done', 'failed', 'not done'], ['It is failed_precondition.', 'Done:', '  + good', 'Failed:', '  ~ refused', 'Not done:', '  + good', 'Mend what was refused, then apply the file again: what is done is left alone, what is not is finished.']]);
  });

  it.each(['broken', 'cut'])('leave open whether one was done whose answer is %s', async (path) => {
    const { outcomes, failure } = await run([asking('key app of project x', '+', path)]);
    expect(outcomes).toEqual(['unknown']);
    expect(failure?.message).toContain('Not known whether it was done:\n  + key app of project x\nIf the key was made, nobody has its secret');
    expect((await run([asking('alias y', '+', path)])).failure?.message).not.toContain('secret');
  });

  it('end with Ctrl-C, in one and between two', async () => {
    const cancel = new AbortController();
    const ran = await run([asking('good'), asking('never'), asking('good')], cancel.signal, ({ what }) => void (what === 'never' && setImmediate(() => cancel.abort(new CommandFailed('cancelled')))));
    expect([ran.outcomes, ran.failure?.message.split('\n')[0]]).toEqual([['done', 'unknown', 'not done'], 'cancelled']);
    expect((await run([asking('good')], AbortSignal.abort(new CommandFailed('cancelled')))).outcomes).toEqual(['not done']);
  });

  it('hide no fault of this program behind a refusal', async () => {
    await expect(run([{ sign: '+', what: 'x', details: [], run: async () => Promise.reject(new TypeError('a bug')) }])).rejects.toThrow('a bug');
  });
});
