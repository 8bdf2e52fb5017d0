import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The one model of the repository: gives `y`, the double of `x`, both INT32 [n]. */
export const DOUBLING = 'doubling';

const CODE = `import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        return [pb.InferenceResponse([pb.Tensor("y", pb.get_input_tensor_by_name(one, "x").as_numpy() * 2)]) for one in requests]
`;

const CONFIG = `backend: "python"
max_batch_size: 0
input [{ name: "x" data_type: TYPE_INT32 dims: [-1] }]
output [{ name: "y" data_type: TYPE_INT32 dims: [-1] }]
instance_group [{ kind: KIND_CPU count: 2 }]
`;

/** Writes a model repository for Triton whose model costs next to nothing, so that the calls meet the platform and not the model. */
export function writeModels(folder: string): void {
  mkdirSync(join(folder, DOUBLING, '1'), { recursive: true });
  writeFileSync(join(folder, DOUBLING, 'config.pbtxt'), CONFIG);
  writeFileSync(join(folder, DOUBLING, '1', 'model.py'), CODE);
}
