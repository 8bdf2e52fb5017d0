import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { requireAcceptable, type AskedTensor } from './tensor-request.ts';

const SIGNATURE = {
  inputs: [{ name: 'image', datatype: 'UINT8', shape: [-1, 32, -1] }, { name: 'mask', datatype: 'BOOL', shape: [1] }],
  outputs: [{ name: 'defect', datatype: 'BYTES', shape: [-1, 1] }],
};
const IMAGE: AskedTensor = { name: 'image', datatype: 'UINT8', shape: [1n, 32n, 7n] };

function said(inputs: readonly AskedTensor[], outputs: readonly { name: string }[] = []): readonly [string | undefined, string] | undefined {
  try {
    requireAcceptable(SIGNATURE, inputs, outputs);
    return undefined;
  } catch (thrown) {
    const { code, param, message } = ServiceError.from(thrown);
    expect(code).toBe('invalid_value');
    return [param, message];
  }
}

describe('the tensors of a request', () => {
  it('are taken with any size where the model takes any, and without what a server may not need', () => {
    expect(said([IMAGE])).toBeUndefined();
    expect(said([{ ...IMAGE, shape: [9n, 32n, 0n] }, { name: 'mask', datatype: 'BOOL', shape: [1n] }], [{ name: 'defect' }])).toBeUndefined();
  });

  it.each([
    ['another type', { ...IMAGE, datatype: 'FP32' }, 'The model takes `image` UINT8 [-1, 32, -1], where -1 stands for any size, and this input is FP32 [1, 32, 7].'],
    ['fewer dimensions', { ...IMAGE, shape: [32n, 7n] }, 'The model takes `image` UINT8 [-1, 32, -1], where -1 stands for any size, and this input is UINT8 [32, 7].'],
    ['another size', { ...IMAGE, shape: [1n, 33n, 7n] }, 'The model takes `image` UINT8 [-1, 32, -1], where -1 stands for any size, and this input is UINT8 [1, 33, 7].'],
    ['another name', { ...IMAGE, name: 'picture' }, 'The model has no input of that name. It takes `image` UINT8 [-1, 32, -1], `mask` BOOL [1].'],
  ])('are refused with %s, and the model\'s own are told', (_what, input, message) => {
    expect(said([input])).toEqual([input.name, message]);
  });

  it('are refused with an output that the model does not have', () => {
    expect(said([IMAGE], [{ name: 'defect' }, { name: 'mood' }])).toEqual(['mood', 'The model has no output of that name. It gives `defect` BYTES [-1, 1].']);
  });
});
