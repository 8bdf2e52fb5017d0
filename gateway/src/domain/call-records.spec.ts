import { randomBytes } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { ChatCallSchema } from '@sluice/proto/chat/v1/chat';
import { commitmentHash } from '@sluice/segment';
import { CallRecords, type CallEnd } from './call-records.ts';
import { errorBody } from './told-error.ts';
import { UNGOVERNED } from '../testing/ungoverned.ts';

const refusal = new ServiceError('upstream_refused', 'Said in the message.', { upstream: { status: 400, type: 'said in the type', code: 'said in the code', param: 'said in the param' } });
const END: CallEnd = { outcome: 3, error: refusal, httpStatus: 400, completedAtMs: 2, durationMs: 1, firstOutputMs: 0 };

interface Ended {
  readonly error?: Uint8Array;
  readonly errorSalt?: Uint8Array;
  readonly openings: { readonly name: string; readonly value: Uint8Array }[];
}

function endOf(end: CallEnd, keepsBodies = true): Ended {
  const principal = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies };
  const call = { model: 'm', messages: Buffer.from('[]'), fields: [], stream: false, choices: 1 };
  const records = new CallRecords({ callId: 'c', principal, asked: call, call, admittedAtMs: 1, governed: UNGOVERNED }, randomBytes);
  records.end(end);
  return (records.take([]).at(-1)!.body as unknown as { value: Ended }).value;
}

const opened = ({ openings }: Ended, name: string): Buffer => Buffer.from(openings.find((opening) => opening.name === name)!.value);

describe('the admission of a call', () => {
  const call = { model: 'm', messages: Buffer.from('[]'), fields: [{ name: 'temperature', json: Buffer.from('0.5') }], stream: false, choices: 1 };
  const commitmentOf = (given: typeof call): Buffer => {
    const principal = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true };
    const [admitted] = new CallRecords({ callId: 'c', principal, asked: given, call: given, admittedAtMs: 1, governed: UNGOVERNED }, (length) => Buffer.alloc(length, 1)).take([]);
    return (admitted!.record as unknown as { value: { promptCommitment: Buffer } }).value.promptCommitment;
  };

  it('commits to everything that was asked', () => {
    expect(commitmentOf(call)).toEqual(commitmentHash(Buffer.alloc(32, 1), toBinary(ChatCallSchema, create(ChatCallSchema, call))));
    const others = [{ ...call, model: 'n' }, { ...call, messages: Buffer.from('[1]') }, { ...call, fields: [] }, { ...call, fields: [{ name: 'temperature', json: Buffer.from('0.6') }] }, { ...call, stream: true }, { ...call, choices: 2 }];
    expect(new Set([call, ...others].map((one) => commitmentOf(one).toString('hex'))).size).toBe(others.length + 1);
  });
});

describe('the end of a call', () => {
  it('keeps all that a backend said in a refusal, and commits to it', () => {
    const end = endOf(END);
    expect(JSON.parse(Buffer.from(end.error!).toString())).toEqual({ error: { message: 'Said in the message.', type: 'said in the type', code: 'said in the code', param: 'said in the param' } });
    expect(opened(end, 'error')).toEqual(commitmentHash(end.errorSalt!, Buffer.from(errorBody(refusal))));
  });

  it('keeps none of it for a project that keeps digests only, and commits to it all the same', () => {
    const end = endOf(END, false);
    expect(end.error).toBeUndefined();
    expect(end.openings.map(({ value }) => Buffer.from(value).toString()).join()).not.toContain('aid in the');
    expect(opened(end, 'error')).toEqual(commitmentHash(end.errorSalt!, Buffer.from(errorBody(refusal))));
  });

  it('does not tell by the names of its commitments whether there was an error', () => {
    const names = ({ openings }: Ended): string[] => openings.map(({ name }) => name);
    const answered = endOf({ ...END, error: undefined });
    expect(names(answered)).toEqual(names(endOf(END)));
    expect([answered.error, opened(answered, 'error').length]).toEqual([undefined, 0]);
  });
});
