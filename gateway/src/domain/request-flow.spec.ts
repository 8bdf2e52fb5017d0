import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { RecordSource } from '@sluice/segment';
import { delta, finished, started, until } from '../testing/house.ts';
import type { Events } from './call.ts';
import type { ModelView, Router } from './ports.ts';
import { RequestFlow } from './request-flow.ts';
import { UNLIMITED } from '../testing/ungoverned.ts';

const PRINCIPAL = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true };

function batch(...inits: ReturnType<typeof delta>[]): ChatEvent[] {
  return inits.map((init) => create(ChatEventSchema, init));
}

/** A flow whose log acknowledges at once, or loses everything. */
function setUp({ view = { state: 'usable', modelId: 'model_1', modelName: 'm', leavesHouse: false, showsOutput: true, servedBy: 'd1' } as ModelView, router, loses, stuck, hold = () => undefined }: { view?: ModelView; router?: Partial<Router>; loses?: ServiceError; stuck?: Promise<void>; hold?: (bytes: number) => void } = {}) {
  const said: string[] = [];
  const ends: Record<string, unknown>[] = [];
  const clock = new ManualClock();
  const write = (source: RecordSource): void => {
    for (const { record } of source.take()) {
      said.push(String(record.case));
      if (record.case === 'completed') ends.push(record.value as Record<string, unknown>);
    }
    if (loses) source.lost(loses);
    else source.acknowledged();
  };
  const flow = new RequestFlow({
    router: {
      stream: async function* ({ call }) {
        said.push('router');
        if (!call.stream) return yield batch(started(), delta('a'), finished());
        yield batch(started(), delta('a'));
        yield batch(finished());
      },
      countInput: () => Promise.reject(new Error('not asked')),
      ...router,
    },
    segments: { accepting: () => undefined, open: () => void said.push('open'), close: () => void said.push('close'), enqueue: (source) => queueMicrotask(() => write(source)), place: { producer: 'g', epoch: 1n }, placed: () => Promise.resolve() },
    ...UNLIMITED,
    models: { resolve: () => view, list: () => [] },
    randomBytes: (length) => Buffer.alloc(length, 1),
    clock,
    callLimitMs: 1_000,
  });
  const abort = new AbortController();
  const run = (stream: boolean) =>
    flow.run(
      { callId: 'c', principal: PRINCIPAL, call: { model: 'm', messages: Buffer.from('[]'), fields: [], stream, choices: 1 }, messagesTokens: { charged: 0, most: 0 }, abort, hold, changed: () => undefined, limited: () => undefined },
      { release: (events: Events) => void said.push(`out:${events.length}`), drained: () => stuck },
    );
  return { run, said, ends, abort, clock };
}

/** A backend that refuses. */
const rejecting = (error: ServiceError, asked: () => unknown = () => undefined): Partial<Router> => ({
  stream: async function* () {
    asked();
    throw error;
  },
});

/** A backend that says one thing and then nothing, until it is cancelled. */
const silent: Partial<Router> = {
  stream: async function* (_routed, signal) {
    yield batch(started(), delta('a'));
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    signal.throwIfAborted();
  },
};

/** A backend that says one thing and breaks off. */
const breaking: Partial<Router> = {
  stream: async function* () {
    yield batch(started(), delta('a'));
    throw new ServiceError('upstream_error', 'broken');
  },
};

describe('the way of a request', () => {
  it('writes a whole answer in one go, before it is released', async () => {
    const { run, said } = setUp();
    await run(false);
    expect(said).toEqual(['open', 'router', 'admitted', 'output', 'completed', 'out:3', 'close']);
  });

  it('records a prompt before it leaves the house', async () => {
    const { run, said } = setUp({ view: { state: 'usable', modelId: 'model_1', modelName: 'm', leavesHouse: true, showsOutput: true, servedBy: 'd1' } });
    await run(false);
    expect(said.slice(0, 3)).toEqual(['open', 'admitted', 'router']);
  });

  it.each([true, false])('keeps a prompt inside until it is on record, whatever its copy of the registry says; streamed: %s', async (stream) => {
    const asked: [modelId: string, insideOnly: boolean][] = [];
    const { run, said } = setUp({
      router: {
        stream: async function* ({ modelId, insideOnly }) {
          yield outside(modelId, insideOnly);
        },
      },
    });
    const outside = (modelId: string, insideOnly: boolean): ChatEvent[] => {
      asked.push([modelId, insideOnly]);
      said.push('router');
      if (insideOnly) throw new ServiceError('admission_required', 'only outside');
      return batch(started(), delta('a'), finished());
    };
    expect((await run(stream)).error).toBeUndefined();
    expect(asked).toEqual([['model_1', true], ['model_1', false]]);
    expect(said.slice(0, 4)).toEqual(['open', 'router', 'admitted', 'router']);
  });

  it('does not ask again for what the log lost', async () => {
    let asked = 0;
    const { run } = setUp({
      loses: new ServiceError('audit_log_unavailable', 'away'),
      router: rejecting(new ServiceError('admission_required', 'only outside'), () => asked++),
    });
    await expect(run(false)).rejects.toMatchObject({ code: 'audit_log_unavailable' });
    expect(asked).toBe(1);
  });

  it('does not ask the model when the prompt could not be recorded', async () => {
    const { run, said } = setUp({ view: { state: 'usable', modelId: 'model_1', modelName: 'm', leavesHouse: true, showsOutput: true, servedBy: 'd1' }, loses: new ServiceError('audit_log_unavailable', 'away') });
    await expect(run(true)).rejects.toMatchObject({ code: 'audit_log_unavailable' });
    expect(said).toEqual(['open', 'admitted', 'close']);
  });

  it('releases nothing that is lost', async () => {
    const { run, said, abort } = setUp({ loses: new ServiceError('epoch_lost', 'lost') });
    await expect(run(true)).rejects.toMatchObject({ code: 'epoch_lost' });
    expect(said.some((word) => word.startsWith('out:'))).toBe(false);
    expect(abort.signal.aborted).toBe(true);
  });

  it.each([['not_allowed', 'model_not_allowed'], ['unknown', 'model_not_found']] as const)('refuses a model that is %s before anything is opened', async (state, code) => {
    const { run, said } = setUp({ view: { state } });
    await expect(run(false)).rejects.toMatchObject({ code });
    expect(said).toEqual([]);
  });

  it('ends a call that takes too long, on record as failed', async () => {
    const { run, clock, ends, said } = setUp({ router: silent });
    const running = run(true);
    await until(() => said.includes('out:2'));
    clock.advance(1_000);
    expect((await running).error).toMatchObject({ code: 'deadline_exceeded' });
    expect(ends).toMatchObject([{ outcome: 3, errorCode: 'deadline_exceeded', httpStatus: 200 }]);
  });

  it('ends a call in time also when its client does not read', async () => {
    const { run, clock, ends, said } = setUp({ router: silent, stuck: new Promise<void>(() => undefined) });
    const running = run(true);
    await until(() => said.includes('out:2'));
    clock.advance(1_000);
    expect((await running).error).toMatchObject({ code: 'deadline_exceeded' });
    expect(ends).toHaveLength(1);
  });

  it('ends on record when it began and as much later as it took, also when the wall clock was set back meanwhile', async () => {
    const { run, abort, clock, ends, said } = setUp({ router: silent });
    const admittedAtMs = clock.wallMs();
    const running = run(true);
    await until(() => said.includes('out:2'));
    const wallMs = clock.wallMs.bind(clock);
    clock.wallMs = () => wallMs() - 3_600_000;
    clock.advance(250);
    abort.abort(new ServiceError('cancelled', 'left'));
    await running;
    expect(ends).toMatchObject([{ completedAtMs: BigInt(admittedAtMs + 250), durationMs: 250 }]);
  });

  it('ends a call whose client left, on record as disconnected', async () => {
    const { run, abort, ends, said } = setUp({ router: silent });
    const running = run(true);
    await until(() => said.includes('out:2'));
    abort.abort(new ServiceError('cancelled', 'left'));
    await running;
    expect(ends).toMatchObject([{ outcome: 2, errorCode: '', finishReasons: [] }]);
  });

  it('ends a whole answer for which there is no room, and releases nothing of it', async () => {
    const { run, ends, said } = setUp({ hold: (bytes) => { if (bytes > 0) throw new ServiceError('overloaded', 'full'); } });
    expect((await run(false)).error).toMatchObject({ code: 'overloaded' });
    expect(ends).toMatchObject([{ outcome: 3, errorCode: 'overloaded', httpStatus: 503, outputBytes: 0n }]);
    expect(said.some((word) => word.startsWith('out:') || word === 'output')).toBe(false);
  });

  it('keeps nothing of a whole answer that breaks off', async () => {
    const { run, ends, said } = setUp({ router: { stream: async function* () { yield batch(started(), delta('a')); throw new ServiceError('upstream_error', 'broke'); } } });
    await run(false);
    expect(ends).toMatchObject([{ outcome: 3, httpStatus: 502, outputBytes: 0n }]);
    expect(said).not.toContain('output');
  });

  it('records what the backend refused with the status the client gets', async () => {
    const refusal = new ServiceError('upstream_refused', 'no', { upstream: { status: 422, type: 'x', code: null, param: null } });
    const { run, ends } = setUp({ router: rejecting(refusal) });
    expect((await run(false)).error).toBe(refusal);
    expect(ends).toMatchObject([{ outcome: 3, errorCode: 'upstream_refused', httpStatus: 422 }]);
  });

  const attempt = (deploymentId: string, errorCode = ''): ReturnType<typeof delta> => ({ event: { case: 'attempt', value: { versionId: 'v', deploymentId, external: true, errorCode } } });

  it.each([true, false])('records an attempt at once, and shows nothing of it: streamed %s', async (stream) => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    const router: Partial<Router> = {
      stream: async function* () {
        yield batch(attempt('d_1'));
        await go;
        yield batch(attempt('d_1', 'upstream_error'));
        throw new ServiceError('upstream_error', 'broken');
      },
    };
    const { run, said, ends } = setUp({ router });
    const running = run(stream);
    await until(() => said.includes('output'));
    expect(ends).toEqual([]);
    resolve();
    expect((await running).error?.code).toBe('upstream_error');
    expect(ends).toMatchObject([{ outcome: 3, httpStatus: 502, deploymentId: 'd_1', versionId: 'v' }]);
  });

  it.each([true, false])('hands a prompt out of the house only when it is on record where it goes: streamed %s', async (stream) => {
    const order: string[] = [];
    const router: Partial<Router> = {
      stream: async function* () {
        yield batch(attempt('d_1'));
        order.push(`prompt behind ${said.filter((word) => word === 'output').length} output record`);
        yield batch(started(), delta('a'), finished());
      },
    };
    const { run, said } = setUp({ router });
    expect((await run(stream)).error).toBeUndefined();
    expect(order).toEqual(['prompt behind 1 output record']);
  });

  it('knows who answered in part when a whole answer breaks off', async () => {
    const { run, said, ends } = setUp({ router: breaking });
    await run(false);
    expect(ends).toMatchObject([{ httpStatus: 502, deploymentId: 'deployment_1', outputBytes: 0n }]);
    expect(said.filter((word) => word.startsWith('out:'))).toEqual([]);
  });

  it('has on record the status that the client got, also when output and fault came in one burst', async () => {
    const { run, said, ends } = setUp({ router: breaking });
    await run(true);
    expect(ends).toMatchObject([{ outcome: 3, errorCode: 'upstream_error', httpStatus: 200 }]);
    expect(said).toContain('out:2');
  });
});
