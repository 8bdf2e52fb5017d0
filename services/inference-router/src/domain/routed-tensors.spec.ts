import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { ChatCallSchema, ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { never, RoutedCalls } from '../testing/routed-calls.ts';
import { deployment, failing, usage } from '../testing/scripted-backend.ts';
import type { BackendCall } from './backend.ts';
import { describeModel } from './describe-model.ts';
import { ModelRaised } from './model-raised.ts';
import { servesTensors } from './serves-tensors.ts';

const call = create(ChatCallSchema, { model: 'm', messages: Buffer.from('[]'), choices: 1, tensors: Buffer.from('asked') });
const tensorsOf = ({ deploymentId }: BackendCall): ChatEvent => create(ChatEventSchema, { event: { case: 'tensors', value: { response: Buffer.from(deploymentId) } } });

/** Deployments that take tensors, each of the version of its number. */
async function tensorCalls(...versions: readonly number[]): Promise<RoutedCalls> {
  const calls = new RoutedCalls();
  await calls.deploy(...versions.map((versionNumber, at) => ({ ...deployment(`dep_${at + 1}`), versionNumber })));
  for (const backend of calls.backends.values()) {
    backend.infer = async function* (asked) {
      yield [tensorsOf(asked), usage()];
    };
  }
  return calls;
}

async function ask(calls: RoutedCalls, version = ''): Promise<string[]> {
  const heard: string[] = [];
  for await (const events of calls.route(never, { call, version })) {
    for (const { event } of events) if (event.case === 'tensors') heard.push(Buffer.from(event.value.response).toString());
    else if (event.case === 'attempt') heard.push(`${event.value.deploymentId} ${event.value.errorCode}`);
  }
  return heard;
}

const codeOf = (asked: Promise<unknown>): Promise<string> => asked.then(() => 'none', (thrown: unknown) => ServiceError.from(thrown).code);

describe('a call with tensors', () => {
  it('goes to a deployment that takes them, and to none other', async () => {
    const calls = await tensorCalls(1, 2);
    delete calls.backend('dep_1').infer;
    expect(await ask(calls)).toEqual(['dep_2']);
    expect(calls.backend('dep_1').calls).toEqual([]);
    delete calls.backend('dep_2').infer;
    expect(await codeOf(ask(calls))).toBe('invalid_value');
    expect(calls.failed).toEqual([]);
  });

  it('goes to the version that it names', async () => {
    const calls = await tensorCalls(1, 2);
    expect(await ask(calls, '2')).toEqual(['dep_2']);
    expect(await ask(calls, '1')).toEqual(['dep_1']);
    expect(await codeOf(ask(calls, '3'))).toBe('model_not_found');
  });

  it('moves to another deployment before there is an answer, and never to one of another version', async () => {
    const calls = await tensorCalls(1, 1, 2);
    calls.backend('dep_1').infer = failing(new ServiceError('backend_unavailable', 'away'));
    expect(await ask(calls, '1')).toEqual(['dep_1 backend_unavailable', 'dep_2']);
    calls.backend('dep_2').infer = failing(new ServiceError('backend_unavailable', 'away'));
    expect(await codeOf(ask(calls, '1'))).toBe('backend_unavailable');
    expect(calls.failed.every((failed) => !failed.startsWith('dep_3'))).toBe(true);
  });

  it('blames no deployment for what a model raised, and asks no other', async () => {
    const calls = await tensorCalls(1, 1);
    calls.backend('dep_1').infer = failing(new ServiceError('upstream_error', 'It failed.', { cause: new ModelRaised('It raised.') }));
    for (let time = 0; time < 10; time++) expect(await codeOf(ask(calls, ''))).toMatch(/upstream_error|none/);
    expect(calls.failed).toEqual([]);
    expect(calls.fleet.list().map(({ breaker }) => breaker.state)).toEqual(['closed', 'closed']);
  });

  it('opens the breaker of a deployment that fails, so that others answer at once', async () => {
    const calls = await tensorCalls(1, 1);
    calls.backend('dep_1').infer = failing(new ServiceError('upstream_error', 'It failed.'));
    for (let time = 0; time < 6; time++) await ask(calls);
    expect(calls.fleet.list().map(({ breaker }) => breaker.state)).toEqual(['open', 'closed']);
    expect(await ask(calls)).toEqual(['dep_2']);
  });
});

describe('what a model takes', () => {
  const facts = { metadata: Buffer.from('metadata'), config: Buffer.from('config') };

  it('says the first of its servers that answers, with the versions that take calls', async () => {
    const calls = await tensorCalls(3, 1, 2);
    calls.backend('dep_1').describe = () => Promise.reject(new ServiceError('backend_unavailable', 'away'));
    calls.backend('dep_2').describe = () => Promise.resolve(facts);
    const asked = { organisationId: 'org_1', modelId: 'model_1', version: '' };
    expect(await describeModel(asked, never, calls)).toEqual({ ...facts, versions: [1, 2, 3] });
    expect(await codeOf(describeModel({ ...asked, version: '3' }, never, calls))).toBe('backend_unavailable');
    expect(await codeOf(describeModel({ ...asked, version: '9' }, never, calls))).toBe('model_not_found');
    expect(calls.failed).toEqual([]);
  });

  it('is told to nobody else', async () => {
    const calls = await tensorCalls(1);
    expect(await codeOf(describeModel({ organisationId: 'org_2', modelId: 'model_1', version: '' }, never, calls))).toBe('model_not_found');
    expect(calls.rereads).toBe(1);
  });

  it('is not known of a model that is not deployed', async () => {
    const calls = new RoutedCalls();
    expect(servesTensors(calls.fleet, 'model_1', '')).toBeInstanceOf(Function);
    expect(await codeOf(describeModel({ organisationId: 'org_1', modelId: 'model_1', version: '' }, never, calls))).toBe('backend_unavailable');
    expect(await codeOf(ask(calls))).toBe('backend_unavailable');
  });
});
