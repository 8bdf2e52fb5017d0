import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { StoredSegment } from '@sluice/events';
import type { Hold, Price } from '@sluice/proto/billing/v1/billing';
import { Outcome, SegmentSchema } from '@sluice/proto/events/v1/calls';

type RecordInit = NonNullable<MessageInitShape<typeof SegmentSchema>['records']>[number];

export interface Tokens {
  readonly input: bigint;
  readonly output: bigint;
}

/** One call as a gateway records it. */
export interface RecordedCall {
  readonly callId: string;
  readonly organisationId?: string;
  readonly projectId?: string;
  readonly keyId?: string;
  readonly model?: string;
  readonly admittedAtMs: number;
  readonly hold?: Hold | undefined;
  readonly price?: Price | undefined;
}

const digest = new Uint8Array(32).fill(3);
const leaf = { commitments: [{ name: 'model', hash: digest }] };

export function admitted({ callId, organisationId = 'org', projectId = 'proj', keyId = 'key', model = 'small', admittedAtMs, hold, price }: RecordedCall): RecordInit {
  const value = { organisationId, projectId, keyId, model: 'alias', modelName: model, admittedAtMs: BigInt(admittedAtMs), promptCommitment: digest, outputChain: digest, ...(hold && price && { hold: { hold, price } }) };
  return { callId, record: { case: 'admitted', value } };
}

export function output({ callId }: Pick<RecordedCall, 'callId'>, tokens: Tokens, hold?: Hold): RecordInit {
  return { callId, record: { case: 'output', value: { outputBytes: 4n, events: 1n, outputChain: digest, counts: countsOf(tokens), ...(hold && { hold }) } } };
}

export function completed({ callId }: Pick<RecordedCall, 'callId'>, tokens: Tokens, hold?: Hold): RecordInit {
  return { callId, record: { case: 'completed', value: { outcome: Outcome.ANSWERED, httpStatus: 200, outputChain: digest, counts: countsOf(tokens), leaf, ...(hold && { hold }) } } };
}

export function refused({ callId }: Pick<RecordedCall, 'callId'>): RecordInit {
  return { callId, record: { case: 'refused', value: { organisationId: 'org', errorCode: 'overloaded', httpStatus: 503, leaf } } };
}

export function countsOf({ input, output: produced }: Tokens) {
  return { inputTokens: input, outputTokens: produced };
}

/** Numbers the segments of one epoch. */
export class ScriptedProducer {
  readonly name: string;
  readonly epoch: bigint;
  #seq = 0n;

  constructor(name: string, epoch: bigint) {
    this.name = name;
    this.epoch = epoch;
  }

  segment(records: readonly RecordInit[]): StoredSegment {
    const place = { producer: this.name, epoch: this.epoch, seq: this.#seq++ };
    const blocks = [{ projectId: 'proj', dataKeyId: 'dk', iv: new Uint8Array(12), sealed: new Uint8Array(400) }];
    return { ...place, bytes: toBinary(SegmentSchema, create(SegmentSchema, { ...place, builtAtMs: 1n, records: [...records], blocks })) };
  }
}
