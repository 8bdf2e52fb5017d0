import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkServed, describeServed, type ServedSource } from './served-source.ts';
import { normalSignature, type Signature } from './signature.ts';

const source = (more: Partial<ServedSource> = {}): ServedSource => ({ kind: 'kserve', address: 'triton-1:8001', upstreamModel: '', placement: 'inside', managed: false, ...more });
const SIGNATURE: Signature = { inputs: [{ name: 'b', datatype: 'FP32', shape: [-1, 4] }, { name: 'a', datatype: 'BYTES', shape: [1] }], outputs: [{ name: 'y', datatype: 'INT32', shape: [] }] };

describe('a model of a KServe v2 server', () => {
  it('is called there as clients call it, unless it has another name', () => {
    expect(checkServed(source({ address: 'Triton-1:8001' }), 'chat')).toEqual(source({ upstreamModel: 'chat' }));
    expect(checkServed(source({ upstreamModel: 'llama', managed: true }), 'chat')).toMatchObject({ upstreamModel: 'llama', managed: true });
  });

  it.each(['triton', 'triton:', 'triton:0', 'triton:65536', 'http://triton:8001', 'tri ton:8001', 'user@triton:8001', '-a:1', 'a:1\n', `${'a'.repeat(260)}:1`, '[::1:8001', 'a:b:1'])('is not at %j', (address) => {
    expect(() => checkServed(source({ address }), 'chat')).toThrow(expect.objectContaining({ code: 'invalid_value', param: 'kserve.address' }));
  });

  it.each(['10.0.0.1:1', '[::1]:65535', 'a:8001', 'triton.models.svc.cluster.local:8001', 'my_triton:8001'])('may be at %j', (address) => {
    expect(checkServed(source({ address }), 'chat').address).toBe(address);
  });

  it('names the field at fault', () => {
    expect(() => checkServed(source({ address: '' }), 'chat')).toThrow(expect.objectContaining({ code: 'missing_required_parameter', param: 'kserve.address' }));
    expect(() => checkServed(source({ upstreamModel: ' ' }), 'chat')).toThrow(expect.objectContaining({ code: 'invalid_value', param: 'kserve.upstream_model' }));
  });

  it('is pinned by the digest of where it is and of its tensors, which anyone can compute', () => {
    const { digest, description, reach, signature } = describeServed(source({ upstreamModel: 'm' }), SIGNATURE);
    const canonical = '{"address":"triton-1:8001","inputs":[{"datatype":"BYTES","name":"a","shape":[1]},{"datatype":"FP32","name":"b","shape":[-1,4]}],"outputs":[{"datatype":"INT32","name":"y","shape":[]}],"protocol":"kserve","upstream_model":"m"}';
    expect(digest).toBe(`sha256:${createHash('sha256').update(canonical).digest('hex')}`);
    expect([description, signature?.inputs.map(({ name }) => name)]).toEqual(['triton-1:8001 m', ['a', 'b']]);
    expect(reach).toEqual({ protocol: 'kserve', placement: 'inside', target: 'triton-1:8001', upstreamModel: 'm', weightsPath: '', managed: false });
  });

  it('is the same in whatever order its server tells of its tensors, and another with another tensor', () => {
    const tensor = fc.record({ name: fc.string({ minLength: 1, maxLength: 4 }), datatype: fc.constantFrom('BYTES', 'FP32'), shape: fc.array(fc.integer({ min: -1, max: 9 }), { maxLength: 3 }) });
    const tensors = fc.uniqueArray(tensor, { minLength: 1, maxLength: 6, selector: ({ name }) => name });
    const digestOf = (signature: Signature): string => describeServed(source({ upstreamModel: 'm' }), signature).digest;
    fc.assert(
      fc.property(tensors.chain((inputs) => fc.tuple(fc.constant(inputs), fc.shuffledSubarray(inputs, { minLength: inputs.length }))), ([inputs, shuffled]) => {
        expect(normalSignature({ inputs: shuffled, outputs: [] })).toEqual(normalSignature({ inputs, outputs: [] }));
        expect(digestOf({ inputs: shuffled, outputs: [] })).toBe(digestOf({ inputs, outputs: [] }));
        expect(digestOf({ inputs: inputs.slice(1), outputs: [] })).not.toBe(digestOf({ inputs, outputs: [] }));
      }),
    );
  });
});
