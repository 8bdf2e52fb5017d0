/** A tensor that a model takes or gives. */
export interface TensorSpec {
  readonly name: string;
  /** As KServe v2 names it: BYTES, FP32, ... */
  readonly datatype: string;
  /** -1 for a dimension of any size. */
  readonly shape: readonly number[];
}

/** What a model behind a KServe v2 server takes and gives. */
export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** In one normal form: tensors by their names, members in order. The same tensors in another order are the same signature. */
export function normalSignature({ inputs, outputs }: Signature): Signature {
  return { inputs: normal(inputs), outputs: normal(outputs) };
}

function normal(tensors: readonly TensorSpec[]): TensorSpec[] {
  return tensors.map(({ name, datatype, shape }) => ({ datatype, name, shape: [...shape] })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
