import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { intParameter, stringParameter } from '@sluice/kserve';
import { ModelInferRequestSchema, ModelInferResponseSchema } from '@sluice/proto/kserve';
import { answeredTensorsView, askedTensorsView } from './tensors-view.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('recorded tensors, as they are shown', () => {
  it('have what was asked, with small data as they are and exact', () => {
    const wide = Buffer.alloc(8);
    wide.writeBigInt64LE(2n ** 62n + 1n);
    const asked = create(ModelInferRequestSchema, {
      id: 'r', modelVersion: '2', parameters: { priority: intParameter(1n), note: stringParameter('n') }, outputs: [{ name: 'y' }],
      inputs: [{ name: 'x', datatype: 'INT64', shape: [1n] }, { name: 'h', datatype: 'FP16', shape: [1n] }], rawInputContents: [wide, Uint8Array.of(0, 60)],
    });
    expect(JSON.stringify(askedTensorsView(toBinary(ModelInferRequestSchema, asked)))).toBe(JSON.stringify({
      id: 'r', model_version: '2', parameters: { priority: '1', note: 'n' },
      inputs: [
        { name: 'x', datatype: 'INT64', shape: [1], parameters: {}, bytes: 8, sha256: sha256(wide), data: ['WIDE'] },
        { name: 'h', datatype: 'FP16', shape: [1], parameters: {}, bytes: 2, sha256: sha256(Uint8Array.of(0, 60)), data: null },
      ],
      outputs: [{ name: 'y', parameters: {} }],
    }).replace('"WIDE"', '4611686018427387905'));
  });

  it('have length and digest of what is too long to be read', () => {
    const raw = new Uint8Array(5_000).fill(7);
    const answered = create(ModelInferResponseSchema, { outputs: [{ name: 'y', datatype: 'UINT8', shape: [5_000n] }], rawOutputContents: [raw] });
    expect(answeredTensorsView(toBinary(ModelInferResponseSchema, answered))).toEqual({
      id: null, model_version: null, parameters: {}, outputs: [{ name: 'y', datatype: 'UINT8', shape: [5_000], parameters: {}, bytes: 5_000, sha256: sha256(raw), data: null }],
    });
  });
});
