import { createSecretKey, hash } from 'node:crypto';
import { Outcome } from '@sluice/proto/events/v1/calls';
import { chainOutput, commit, commitmentHash, encodeCall, piecesOf, SegmentBuilder, type PendingRecord, type SealingKey } from '@sluice/segment';
import type { StoredSegment } from '@sluice/events';

/** Bytes that look random and are the same in every run. */
export function fixedBytes(): (length: number) => Buffer {
  let count = 0;
  return (length) => {
    count++;
    return Buffer.concat(Array.from({ length: Math.ceil(length / 32) }, (_, part) => hash('sha256', `${count} ${part}`, 'buffer'))).subarray(0, length);
  };
}

export const SEALING: SealingKey & { readonly bytes: Buffer } = { id: 'dk_1', key: createSecretKey(Buffer.alloc(32, 7)), bytes: Buffer.alloc(32, 7) };
export const PROJECT = 'proj_1';
export const ORGANISATION = 'org_1';
const randomBytes = fixedBytes();

export const callIdOf = (number: number): string => hash('sha256', `call ${number}`, 'hex').slice(0, 32);

/** The records of one call, as a data-plane process writes them. */
export class CallScript {
  readonly callId: string;
  #chain = randomBytes(32);
  #outputBytes = 0n;

  constructor(callId: string) {
    this.callId = callId;
  }

  admitted(over: { messages?: string; model?: string; atMs?: number; organisationId?: string; outputNano?: bigint } = {}): PendingRecord {
    const messages = Buffer.from(over.messages ?? '[{"role":"user","content":"What is asked."}]');
    const salt = randomBytes(32);
    const model = over.model ?? 'small';
    return {
      callId: this.callId,
      record: { case: 'admitted', value: {
        organisationId: over.organisationId ?? ORGANISATION, projectId: PROJECT, keyId: 'key_1', model, modelName: model, stream: true, admittedAtMs: BigInt(over.atMs ?? 1_700_000_000_000), hold: { hold: { amountNano: 900n, limited: true, outputTokens: 64n }, price: { id: 'price_1', outputNano: over.outputNano ?? 3n } },
        parameters: [{ parameter: 'max_tokens', askedJson: '500', sentJson: '64' }], promptCommitment: commitmentHash(salt, encodeCall({ model, messages, stream: true, choices: 1 })), outputChain: this.#chain,
      } },
      body: { case: 'admitted', value: { call: { model, messages, stream: true, choices: 1 }, promptSalt: salt } },
    };
  }

  /** `counted`: what the backend says, where that is not the truth. `heldNano`: the hold was extended to this. */
  output(text: string, counted?: bigint, heldNano?: bigint): PendingRecord {
    const { chain, body } = chainOutput(this.#chain, { events: [{ event: { case: 'delta', value: { text } } }] });
    this.#chain = chain;
    this.#outputBytes += BigInt(text.length);
    return { callId: this.callId, record: { case: 'output', value: { outputBytes: this.#outputBytes, events: 1n, outputChain: chain, counts: { inputTokens: 5n, outputTokens: counted ?? this.#outputBytes }, ...(heldNano !== undefined && { hold: { amountNano: heldNano, limited: true } }) } }, body };
  }

  /** `stoppedBy`: as a budget that ran out leaves it. */
  completed(atMs = 1_700_000_060_000, stoppedBy = '', overrunNano = 0n): PendingRecord {
    const { commitment, opening } = commit('call_id', this.callId, randomBytes);
    return {
      callId: this.callId,
      record: { case: 'completed', value: {
        outcome: Outcome.ANSWERED, httpStatus: 200, outputBytes: this.#outputBytes, outputChain: this.#chain, counts: { inputTokens: 5n, outputTokens: this.#outputBytes },
        versionId: 'mv_1', deploymentId: 'dep_1', completedAtMs: BigInt(atMs), firstOutputMs: 12, durationMs: 345, finishReasons: ['stop'], stoppedBy, costNano: 3n * this.#outputBytes, overrunNano, leaf: { commitments: [commitment] },
      } },
      body: { case: 'completed', value: { openings: [opening] } },
    };
  }

  refused(atMs = 1_700_000_000_000): PendingRecord {
    const { commitment, opening } = commit('call_id', this.callId, randomBytes);
    return {
      callId: this.callId,
      record: { case: 'refused', value: { organisationId: ORGANISATION, projectId: PROJECT, keyId: 'key_1', model: 'small', errorCode: 'model_not_allowed', httpStatus: 403, refusedAtMs: BigInt(atMs), leaf: { commitments: [commitment] } } },
      body: { case: 'completed', value: { openings: [opening] } },
    };
  }

  /** A whole short call. */
  whole(): PendingRecord[] {
    return [this.admitted(), this.output('An answer.'), this.completed()];
  }
}

/** Builds segments of one producer's epoch, numbered from 0. */
export class ScriptedProducer {
  readonly producer: string;
  readonly epoch: bigint;
  #seq = 0n;

  constructor(producer: string, epoch: bigint) {
    this.producer = producer;
    this.epoch = epoch;
  }

  /** As many segments as the records need. */
  segments(records: readonly PendingRecord[], builtAtMs = 1_700_000_000_000): StoredSegment[] {
    const built: StoredSegment[] = [];
    let builder = new SegmentBuilder();
    const flush = (): void => {
      built.push(builder.build({ producer: this.producer, epoch: this.epoch, seq: this.#seq++ }, builtAtMs));
      builder = new SegmentBuilder();
    };
    for (const piece of records.flatMap(piecesOf)) {
      if (builder.add(PROJECT, SEALING, piece)) continue;
      flush();
      if (!builder.add(PROJECT, SEALING, piece)) throw new Error('a piece does not fit an empty segment');
    }
    if (builder.records > 0) flush();
    return built;
  }
}
