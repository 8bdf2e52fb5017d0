import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ForeignGrpcStatus, ServiceError } from '@sluice/errors';
import { TEXT_INPUTS, TEXT_OUTPUTS } from '@sluice/kserve';
import { silentLogger } from '@sluice/telemetry';
import { backendCall, collect } from '../../domain/backend.contract.ts';
import type { Backend } from '../../domain/backend.ts';
import type { Signature } from '../../domain/deployment.ts';
import { LostBackend } from '../../domain/backend-fault.ts';
import { createKserveBackend } from './kserve-backend.ts';
import { ScriptedEngine } from './scripted-engine.ts';
import { WholeAnswers } from '../../domain/whole-answers.ts';
import { LOAD_PAUSE_MS } from './served-model.ts';

const never = new AbortController().signal;
const shaped = (tensors: readonly { readonly name: string; readonly datatype: string }[]) => tensors.map(({ name, datatype }) => ({ name, datatype, shape: [1] }));
const TEXT: Signature = { inputs: shaped(TEXT_INPUTS), outputs: shaped(TEXT_OUTPUTS) };
const IMAGE: Signature = { inputs: [{ name: 'image', datatype: 'UINT8', shape: [1] }], outputs: [{ name: 'defect', datatype: 'BYTES', shape: [1] }] };

describe('the health of a model at another server', () => {
  let engine: ScriptedEngine;
  let renewals: number;
  let closed: boolean;
  beforeEach(() => {
    engine = new ScriptedEngine();
    engine.parameters = { chat_template: '{{ messages[0].content }}' };
    [renewals, closed] = [0, false];
  });

  const backendOf = (signature: Signature | undefined, { managed = false, mayUnload = (): boolean => true, neighbours = [] as string[], clock = new ManualClock() } = {}): Backend =>
    createKserveBackend({
      server: { client: engine.client, renew: () => void renewals++, close: () => void (closed = true) },
      deployment: { id: 'dep_1', target: 'triton-1:8001', upstreamModel: 'm', weightsPath: '', digest: '', managed, signature },
      mayUnload,
      neighbours: () => neighbours,
      wholeAnswers: new WholeAnswers(2 ** 30),
      clock,
      logger: silentLogger,
    });

  it('is good when it has the tensors that were registered, and can be asked', async () => {
    await expect(backendOf(TEXT).probe(never)).resolves.toBeUndefined();
    await expect(backendOf({ inputs: TEXT.inputs.toReversed(), outputs: TEXT.outputs.toReversed() }).probe(never)).resolves.toBeUndefined();
  });

  it('is bad when it has other tensors, and says so', async () => {
    const backend = backendOf(TEXT);
    engine.tensors = { ...engine.tensors, inputs: engine.tensors.inputs.slice(1) };
    await expect(backend.probe(never)).rejects.toMatchObject({ code: 'backend_unavailable', message: expect.stringContaining('other tensors') });
  });

  it('of a language model is bad when it lacks the text contract or a template, and says which', async () => {
    const old = { inputs: TEXT.inputs.filter(({ name }) => !name.startsWith('return_')), outputs: TEXT.outputs.slice(0, 1) };
    engine.tensors = { inputs: engine.tensors.inputs.filter(({ name }) => !name.startsWith('return_')), outputs: engine.tensors.outputs.slice(0, 1) };
    await expect(backendOf(old).probe(never)).rejects.toMatchObject({ message: expect.stringMatching(/lacks tensors.*return_finish_reason.*num_output_tokens/) });
    engine.tensors = { inputs: [...TEXT_INPUTS], outputs: [...TEXT_OUTPUTS] };
    engine.parameters = {};
    await expect(backendOf(TEXT).probe(never)).rejects.toMatchObject({ message: expect.stringContaining('no chat template') });
  });

  it('of another model needs neither; it answers no chat, which is no fault of it', async () => {
    engine.parameters = {};
    engine.tensors = { inputs: [{ name: 'image', datatype: 'UINT8' as 'BYTES', optional: false }], outputs: [{ name: 'defect', datatype: 'BYTES', shape: [1n] }] };
    const backend = backendOf(IMAGE);
    await expect(backend.probe(never)).resolves.toBeUndefined();
    await expect(collect(backend.chat(backendCall(), never))).rejects.toMatchObject({ code: 'invalid_value', param: 'model' });
    expect(engine.requests).toEqual([]);
  });

  it('keeps what the server counts, and does without', async () => {
    const backend = backendOf(TEXT);
    await backend.probe(never);
    expect(backend.statistics!()).toBeUndefined();
    engine.counted = { inferences: 12n, executions: 3n };
    await backend.probe(never);
    expect(backend.statistics!()).toEqual({ inferences: 12, executions: 3, failures: 1, queueSeconds: 2.5, batches: new Map([[4, 3]]) });
  });

  it('is doubted once a call met a dead model: then an answer proves it, not what the server says', async () => {
    const backend = backendOf(TEXT);
    engine.failInBand = "Stub process 'm_0_0' is not healthy.";
    const fault = await collect(backend.chat(backendCall(), never)).catch(ServiceError.from);
    expect(fault).toMatchObject({ code: 'backend_unavailable', cause: expect.any(LostBackend) });
    await expect(backend.probe(never)).rejects.toMatchObject({ code: 'backend_unavailable' });
    expect(engine.unloads).toEqual([]);
    engine.failInBand = undefined;
    engine.script = () => [{ textOutput: 'x', inputTokens: 1, outputTokens: 1, finishReason: 'length', final: true }];
    await backend.probe(never);
    expect(engine.requests.at(-1)).toMatchObject({ sampling: { max_tokens: 1 } });
    const asked = engine.requests.length;
    await backend.probe(never);
    expect(engine.requests).toHaveLength(asked);
  });

  it('of a dead model that is ours is mended by loading it anew', async () => {
    const backend = backendOf(TEXT, { managed: true });
    engine.failInBand = "Stub process 'm_0_0' is not healthy.";
    await collect(backend.chat(backendCall(), never)).catch(() => undefined);
    await expect(backend.probe(never)).rejects.toMatchObject({ code: 'backend_unavailable' });
    expect(engine.unloads).toEqual(['m']);
    engine.isReady = false;
    engine.failInBand = undefined;
    engine.script = () => [{ textOutput: 'x', inputTokens: 1, outputTokens: 1, finishReason: 'length', final: true }];
    await backend.probe(never);
    expect(engine.loads).toMatchObject([{ modelName: 'm', parameters: {} }]);
  });

  it('of a model that is ours and cannot be loaded is bad; the server is not asked to load it at every check', async () => {
    const clock = new ManualClock();
    const backend = backendOf(TEXT, { managed: true, clock });
    engine.isReady = false;
    engine.loadFailure = new ServiceError('internal', 'in /models/m/1/model.py');
    for (let time = 0; time < 3; time++) await expect(backend.probe(never)).rejects.toMatchObject({ code: 'backend_unavailable', message: expect.not.stringContaining('model.py') });
    expect(engine.loads).toHaveLength(1);
    engine.loadFailure = undefined;
    clock.advance(LOAD_PAUSE_MS);
    await backend.probe(never);
    expect(engine.loads).toHaveLength(2);
  });

  /** A check that has no answer when its time is over. */
  const lateCheck = async (backend: Backend): Promise<void> => {
    const late = new AbortController();
    const checked = backend.probe(late.signal);
    setImmediate(() => late.abort(new ServiceError('upstream_timeout', 'late')));
    await expect(checked).rejects.toBeDefined();
  };

  it('takes a new connection after two checks that nobody answered', async () => {
    const backend = backendOf(TEXT);
    engine.beforeReady = new Promise(() => undefined);
    for (const renewed of [0, 1, 1]) {
      await lateCheck(backend);
      expect(renewals).toBe(renewed);
    }
  });

  it('waits for a load as long as its server answers checks, and has it done anew where the server fell silent', async () => {
    const backend = backendOf(TEXT, { managed: true });
    engine.isReady = false;
    engine.beforeLoaded = new Promise(() => undefined);
    for (let check = 0; check < 4; check++) await lateCheck(backend);
    expect([renewals, engine.loads.length, engine.loadSignals[0]!.aborted]).toEqual([0, 1, false]);
    engine.beforeReady = new Promise(() => undefined);
    for (let check = 0; check < 2; check++) await lateCheck(backend);
    expect([renewals, engine.loadSignals[0]!.aborted]).toEqual([1, true]);
    [engine.beforeReady, engine.beforeLoaded] = [Promise.resolve(), Promise.resolve()];
    await backend.probe(never);
    expect(engine.loads).toHaveLength(2);
  });

  it('unloads a model that is taken away while its server loads it: the server goes on with the load, and knows no settings of it yet', async () => {
    engine.isReady = false;
    engine.beforeLoaded = new Promise(() => undefined);
    engine.beforeConfig = Promise.reject(new ServiceError('model_not_found', 'It has no available versions.'));
    engine.beforeConfig.catch(() => undefined);
    const backend = backendOf(TEXT, { managed: true });
    const probed = backend.probe(never).catch(ServiceError.from);
    while (engine.loads.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await backend.close();
    expect([await probed, engine.unloads, closed]).toEqual([expect.objectContaining({ code: 'cancelled' }), ['m'], true]);
  });

  it('leaves a model loaded that an ensemble in service needs, also as a part of a part', async () => {
    engine.ensembles = { line: ['eyes', 'judge'], eyes: ['m'] };
    await backendOf(TEXT, { managed: true, neighbours: ['other', 'line'] }).close();
    expect([engine.unloads, closed]).toEqual([[], true]);
    await backendOf(TEXT, { managed: true, neighbours: ['other', 'judge'] }).close();
    expect(engine.unloads).toEqual(['m']);
  });

  it('leaves a model loaded that is wanted again by the time its server has said what else needs it', async () => {
    let asked = 0;
    await backendOf(TEXT, { managed: true, mayUnload: () => ++asked === 1, neighbours: ['line'] }).close();
    expect([asked, engine.unloads, closed]).toEqual([2, [], true]);
  });

  it.each<[string, string[], ServiceError]>([
    ['does not say in time what another model is', [], new ServiceError('deadline_exceeded', 'late')],
    ['is not heard over what another model is', [], new ServiceError('internal', 'a stranger', { cause: new ForeignGrpcStatus(14, 'No connection established.') })],
    ['has no such model as the other', ['m'], new ServiceError('internal', 'a stranger', { cause: new ForeignGrpcStatus(5, "Request for unknown model: 'line' is not found") })],
    ['has no such model as the other, and is the engine of this house', ['m'], new ServiceError('model_not_found', 'Gone.')],
  ])('whose server %s unloads of ours: %j', async (_how, unloads, thrown) => {
    engine.beforeConfig = Promise.reject(thrown);
    await backendOf(TEXT, { managed: true, neighbours: ['line'] }).close();
    expect([engine.unloads, closed]).toEqual([unloads, true]);
  });

  it('leaves the model where it is when it is not ours, or needed further, and closes the connection', async () => {
    await backendOf(TEXT).close();
    await backendOf(TEXT, { managed: true, mayUnload: () => false }).close();
    expect([engine.unloads, closed]).toEqual([[], true]);
    await backendOf(TEXT, { managed: true }).close();
    expect(engine.unloads).toEqual(['m']);
  });
});
