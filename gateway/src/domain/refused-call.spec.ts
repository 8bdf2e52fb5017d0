import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { commitmentHash, type RecordSource } from '@sluice/segment';
import { CallRefusal } from './call-refusal.ts';
import type { Segments } from './ports.ts';
import { recordRefusal } from './refused-call.ts';
import { errorBody } from './told-error.ts';

const error = new ServiceError('invalid_value', 'Invalid temperature.', { param: 'temperature' });
const understood = { model: 'm', messages: Buffer.from('[]'), fields: [], stream: false, choices: 1 };

function setUp(keepsBodies = true, refusing: ServiceError = error) {
  const log: string[] = [];
  let source: RecordSource | undefined;
  const segments: Segments = {
    accepting: () => undefined,
    place: undefined,
    placed: () => Promise.resolve(),
    open: () => void log.push('open'),
    close: () => void log.push('close'),
    enqueue: (given) => void (source = given),
  };
  const principal = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies };
  const done = recordRefusal({ callId: 'c', principal, understood, error: refusing, refusedAtMs: 5 }, segments, (length) => Buffer.alloc(length, 1));
  return { log, done, source: () => source! };
}

describe('a refusal', () => {
  it('is told only when it is durable', async () => {
    const { log, done, source } = setUp();
    let told = false;
    void done.then(() => (told = true));
    const [record] = source().take();
    expect(record).toMatchObject({ callId: 'c', record: { case: 'refused', value: { keyId: 'k', errorCode: 'invalid_value', param: 'temperature', httpStatus: 400 } }, body: { case: 'completed', value: { error: Buffer.from(errorBody(error)) } } });
    expect(record).not.toHaveProperty('body.value.call');
    expect(source().take()).toEqual([]);
    await Promise.resolve();
    expect(told).toBe(false);
    source().acknowledged();
    await done;
    expect(log).toEqual(['open', 'close']);
  });

  it('fails when its record is lost', async () => {
    const { log, done, source } = setUp();
    source().take();
    source().lost(new ServiceError('epoch_lost', 'lost'));
    await expect(done).rejects.toMatchObject({ code: 'epoch_lost' });
    expect(log).toEqual(['open', 'close']);
  });

  it.each([[true, Buffer.from('["kept"]')], [false, undefined]])('keeps what the filter gave back of the request where the project keeps bodies (%s), and only there', async (keepsBodies, messages) => {
    const refusing = new CallRefusal(error, { call: { ...understood, messages: Buffer.from('["kept"]') } });
    const { done, source } = setUp(keepsBodies, refusing);
    const body = source().take()[0]!.body as { value: { call?: { messages: Uint8Array } } };
    expect(body.value.call?.messages).toEqual(messages);
    source().acknowledged();
    await done;
  });

  it('keeps nothing of the request for a project that keeps digests only', async () => {
    const { done, source } = setUp(false);
    const body = source().take()[0]!.body as { value: { call?: unknown; error?: unknown; errorSalt: Uint8Array; openings: { name: string; value: Uint8Array }[] } };
    expect([body.value.call, body.value.error]).toEqual([undefined, undefined]);
    expect(Buffer.from(body.value.openings.find(({ name }) => name === 'error')!.value)).toEqual(commitmentHash(body.value.errorSalt, Buffer.from(errorBody(error))));
    expect(JSON.stringify(body.value.openings.map(({ value }) => Buffer.from(value).toString()))).not.toContain('temperature.');
    expect(body.value.openings.length).toBeGreaterThan(5);
    source().acknowledged();
    await done;
  });
});
