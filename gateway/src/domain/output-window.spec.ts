import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { OutputBodySchema, type FilterVerdict } from '@sluice/proto/events/v1/calls';
import { fromBinary } from '@bufbuild/protobuf';
import type { PendingRecord } from '@sluice/segment';
import fc from 'fast-check';
import { CallRecords, type CallEnd } from './call-records.ts';
import { OutputWindow, PENDING_LIMIT_BYTES } from './output-window.ts';
import type { Segments } from './ports.ts';
import { UNGOVERNED } from '../testing/ungoverned.ts';

const PRINCIPAL = { keyId: 'key', organisationId: 'org', projectId: 'project', models: [], keepsBodies: true };
const CALL = { model: 'm', messages: Buffer.from('[]'), fields: [], stream: true, choices: 1 };
const FOUND_NOTHING: FilterVerdict = { $typeName: 'events.v1.FilterVerdict', policyVersion: 1n, action: 0, hits: [], hitCount: 0 };
const END: CallEnd = { outcome: 1, error: undefined, httpStatus: 200, completedAtMs: 2, durationMs: 1, firstOutputMs: 1 };

function setUp(keepsBodies = true, onRelease = (): void => undefined, keepsOriginals = false) {
  const released: string[] = [];
  const lost: ServiceError[] = [];
  let enqueued = 0;
  const segments: Segments = { accepting: () => undefined, open: () => undefined, close: () => undefined, enqueue: () => void enqueued++, place: undefined, placed: () => Promise.resolve() };
  const records = new CallRecords({ callId: 'c', principal: { ...PRINCIPAL, keepsBodies, keepsOriginals }, asked: CALL, call: CALL, admittedAtMs: 1, governed: keepsOriginals ? { ...UNGOVERNED, output: { verdict: FOUND_NOTHING } } : UNGOVERNED }, (length) => Buffer.alloc(length, 7));
  const sink = { release: (events: readonly ChatEvent[]) => (onRelease(), released.push(...events.map(textOf))), drained: () => undefined };
  const window = new OutputWindow(records, segments, sink, (error) => lost.push(error));
  return { window, released, lost, enqueued: () => enqueued };
}

function textOf({ event }: ChatEvent): string {
  return event.case === 'delta' ? event.value.text : '';
}

function textEvent(text: string): ChatEvent {
  return create(ChatEventSchema, { event: { case: 'delta', value: { text, channel: 1 } } });
}

function recorded(records: readonly PendingRecord[]): string[] {
  return records.flatMap(({ body }) => (body?.case === 'encodedOutput' ? fromBinary(OutputBodySchema, body.bytes).events.map(textOf) : []));
}

function recordedOriginals(records: readonly PendingRecord[]): string[] {
  return records.flatMap(({ body }) => (body?.case === 'encodedOutput' ? (fromBinary(OutputBodySchema, body.bytes).original?.events.map(textOf) ?? []) : []));
}

type Step = 'push' | 'take' | 'acknowledge' | 'lose' | 'leave';
const steps = fc.array(fc.constantFrom<Step>('push', 'push', 'take', 'take', 'acknowledge', 'acknowledge', 'lose', 'leave'), { maxLength: 60 });

/** What ends a call is rare: most of what there is to get wrong is before it. */
const keepingSteps = fc.array(fc.oneof({ weight: 40, arbitrary: fc.constantFrom<Step | 'keep'>('keep', 'push', 'take', 'acknowledge') }, { weight: 1, arbitrary: fc.constantFrom<Step>('lose', 'leave') }), { maxLength: 60, size: 'max' });

describe('the output window', () => {
  it('releases only what is durable, in order, once, whatever happens when', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const { window, released, lost } = setUp();
        const taken: string[] = [];
        let durable: string[] = [];
        let pushed = 0;
        let over = false;
        let left = false;
        for (const step of script) {
          if (step === 'push') window.push([textEvent(`${pushed++},`)]);
          else if (step === 'take') taken.push(...recorded(window.take()));
          else if (step === 'lose') {
            over = true;
            window.lost(new ServiceError('epoch_lost', 'lost'));
          } else if (step === 'leave') {
            left = true;
            window.clientLeft();
          } else {
            const before = released.length;
            window.acknowledged();
            if (!over) durable = [...taken];
            if (over || left) expect(released.length).toBe(before);
          }
          // The promise: what left is a prefix of what is durable, and so on record.
          expect(released).toEqual(durable.slice(0, released.length));
          if (!over && !left) expect(released).toEqual(durable);
        }
        expect(lost.length).toBe(over ? 1 : 0);
        expect(taken).toEqual([...taken].sort((a, b) => parseInt(a) - parseInt(b)));
        expect(new Set(taken).size).toBe(taken.length);
      }),
      { numRuns: 500 },
    );
  });

  it('releases nothing before what it was made of is durable, and never that, whatever happens when', () => {
    fc.assert(
      fc.property(keepingSteps, (script) => {
        const { window, released } = setUp(true, () => undefined, true);
        const taken: string[] = [];
        let [durable, given, over] = [0, 0, false];
        for (const step of script) {
          // Each output says how many originals came before it.
          if (step === 'push') window.push([textEvent(`sent after ${given}`)]);
          else if (step === 'keep') window.keepOriginal([textEvent(`given ${given++}`)]);
          else if (step === 'take') taken.push(...recordedOriginals(window.take()));
          else if (step === 'leave') window.clientLeft();
          else if (step === 'lose') {
            over = true;
            window.lost(new ServiceError('epoch_lost', 'lost'));
          } else {
            if (!over) durable = taken.length;
            window.acknowledged();
          }
          for (const text of released) expect(Number(/^sent after (\d+)$/.exec(text)![1])).toBeLessThanOrEqual(durable);
        }
        expect(taken).toEqual(taken.map((_, index) => `given ${index}`));
      }),
      { numRuns: 500 },
    );
  });

  it('counts what the model gave as pending, and puts it on record without output where there is no room for more', async () => {
    const { window, released, enqueued } = setUp(true, () => undefined, true);
    window.keepOriginal([textEvent('a')]);
    expect([window.room(), enqueued()]).toEqual([undefined, 0]);
    window.keepOriginal([textEvent('b'.repeat(PENDING_LIMIT_BYTES / 2))]);
    const room = window.room();
    expect([room, enqueued()]).toEqual([expect.any(Promise), 1]);
    const records = window.take();
    expect([records.map(({ record }) => record.case), recorded(records), recordedOriginals(records)[0]]).toEqual([['admitted', 'output'], [], 'a']);
    window.acknowledged();
    await room;
    expect(released).toEqual([]);
  });

  it('forgets with output that nobody will get what it was made of', () => {
    const { window } = setUp(true, () => undefined, true);
    window.keepOriginal([textEvent('a')]);
    window.push([textEvent('*')]);
    window.clientLeft();
    window.keepOriginal([textEvent('b')]);
    void window.end(END);
    expect(window.take().map(({ record }) => record.case)).toEqual(['admitted', 'completed']);
  });

  it('writes the admission first and the end last, each once', async () => {
    const { window } = setUp();
    window.push([textEvent('a')]);
    const ended = window.end(END);
    expect(window.take().map(({ record }) => record.case)).toEqual(['admitted', 'output', 'completed']);
    expect(window.take()).toEqual([]);
    window.acknowledged();
    await ended;
  });

  it.each([[false, 499], [true, 200]])('records a client that left before the end was taken as one that left, with what the backend counted; output released: %s', async (released, httpStatus) => {
    const { window } = setUp();
    if (released) {
      window.push([textEvent('a')]);
      window.take();
      window.acknowledged();
    }
    window.push([create(ChatEventSchema, { event: { case: 'started', value: { versionId: 'v', deploymentId: 'd' } } }), textEvent('bc'), create(ChatEventSchema, { event: { case: 'usage', value: { inputTokens: 11n, outputTokens: 7n } } })]);
    const ended = window.end(END);
    window.clientLeft();
    const records = window.take();
    expect(recorded(records)).toEqual([]);
    expect(records.at(-1)!.record).toMatchObject({ case: 'completed', value: { outcome: 2, httpStatus, outputBytes: released ? 1n : 0n, versionId: 'v', deploymentId: 'd', counts: { inputTokens: 11n, outputTokens: 7n, estimated: false } } });
    window.acknowledged();
    expect(await ended).toMatchObject({ outcome: 2, httpStatus });
  });

  it('leaves an end as it is that was taken before the client left', async () => {
    const { window } = setUp();
    window.push([textEvent('a')]);
    const ended = window.end(END);
    window.take();
    window.clientLeft();
    window.acknowledged();
    expect(await ended).toEqual(END);
  });

  it('does not resolve the end before it is durable, and rejects it when it is lost', async () => {
    const { window } = setUp();
    window.push([textEvent('a')]);
    window.take();
    let settled = false;
    const ended = window.end(END).finally(() => (settled = true));
    window.acknowledged();
    await Promise.resolve();
    await Promise.resolve();
    expect(settled).toBe(false);
    window.take();
    window.lost(new ServiceError('epoch_lost', 'lost'));
    await expect(ended).rejects.toMatchObject({ code: 'epoch_lost' });
  });

  it.each(['before its end', 'with its end'])('ends a call whose output cannot be released %s, and releases no more of it', async (when) => {
    const fault = new Error('a fault of the sink');
    const { window, released, lost } = setUp(true, () => {
      throw fault;
    });
    window.push([textEvent('a')]);
    if (when === 'before its end') {
      window.take();
      window.acknowledged();
    }
    const ended = window.end(END);
    window.take();
    window.acknowledged();
    await expect(ended).rejects.toMatchObject({ code: 'internal', cause: fault });
    expect(lost).toMatchObject([{ code: 'internal' }]);
    expect(released).toEqual([]);
    expect(window.take()).toEqual([]);
  });

  it('has no room above its limit until what it holds is acknowledged', async () => {
    const { window } = setUp();
    window.push([textEvent('x'.repeat(PENDING_LIMIT_BYTES))]);
    const room = window.room();
    expect(room).toBeInstanceOf(Promise);
    window.take();
    window.acknowledged();
    await room;
    expect(window.room()).toBeUndefined();
  });

  it('asks for a segment only when there is output to release', () => {
    const { window, enqueued } = setUp();
    window.push([create(ChatEventSchema, { event: { case: 'started', value: {} } })]);
    expect(enqueued()).toBe(0);
    window.push([textEvent('a')]);
    window.push([textEvent('b')]);
    expect(enqueued()).toBe(1);
  });

  it('keeps digests without bodies when the project says so, and the chain all the same', () => {
    const { window } = setUp(false);
    window.push([textEvent('secret')]);
    void window.end(END);
    const records = window.take();
    expect(records[0]!.body).toBeUndefined();
    expect(records[1]!.body).toBeUndefined();
    expect(records[1]!.record).toMatchObject({ case: 'output', value: { outputBytes: 6n } });
    expect((records[1]!.record.value as { outputChain: Uint8Array }).outputChain).toHaveLength(32);
    window.acknowledged();
  });

  const attempt = (deploymentId: string, errorCode = ''): ChatEvent => create(ChatEventSchema, { event: { case: 'attempt', value: { deploymentId, external: true, errorCode } } });
  const asked = (records: readonly PendingRecord[]): string[] =>
    records.flatMap(({ body }) => (body?.case === 'encodedOutput' ? fromBinary(OutputBodySchema, body.bytes).events.map(({ event }) => (event.case === 'attempt' ? `${event.value.deploymentId} ${event.value.errorCode}`.trim() : String(event.case))) : []));

  it('keeps who was asked on record also when the client leaves before a segment took it, and nothing that it did not get', () => {
    const { window } = setUp();
    window.push([attempt('d_1')]);
    window.push([attempt('d_1', 'upstream_error'), textEvent('never seen')]);
    window.push([attempt('d_2')]);
    window.clientLeft();
    expect(asked(window.take())).toEqual(['d_1', 'd_1 upstream_error', 'd_2']);
  });

  it('is durable when all that it took is acknowledged, and not before', async () => {
    const { window, released } = setUp();
    let isDurable = false;
    window.push([attempt('d_1')]);
    const durable = window.durable().then(() => { isDurable = true; });
    window.take();
    await new Promise(setImmediate);
    expect(isDurable).toBe(false);
    window.acknowledged();
    await durable;
    expect(released).toEqual(['']);
    window.push([attempt('d_2')]);
    const lost = window.durable();
    window.lost(new ServiceError('epoch_lost', 'lost'));
    await expect(lost).rejects.toMatchObject({ code: 'epoch_lost' });
  });
});
