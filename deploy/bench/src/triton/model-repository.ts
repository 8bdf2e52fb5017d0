import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An execution takes so long however many requests are in it, as on an accelerator that is not full. */
export const EXECUTION_MS = 50;
export const BATCH = 8;
/** The same model twice: requests together in one execution, or each in one of its own. */
export const BATCHED = 'fifty-batched';
export const SINGLE = 'fifty-single';

const MODEL = `import time
import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    """Waits, then gives each row back with the number of rows that were executed together."""

    def execute(self, requests):
        rows = [pb.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        together = sum(row.shape[0] for row in rows)
        time.sleep(${EXECUTION_MS / 1000})
        return [
            pb.InferenceResponse([pb.Tensor("y", row * 2), pb.Tensor("rows", np.full((row.shape[0], 1), together, np.int32))])
            for row in rows
        ]
`;

/** Writes a repository of the two models for Triton. One instance each, so that only batching differs. */
export function writeModels(folder: string): void {
  for (const [name, batching] of [[BATCHED, 'dynamic_batching { max_queue_delay_microseconds: 1000 }'], [SINGLE, '']] as const) {
    mkdirSync(join(folder, name, '1'), { recursive: true });
    writeFileSync(join(folder, name, '1', 'model.py'), MODEL);
    writeFileSync(join(folder, name, 'config.pbtxt'), `backend: "python"
max_batch_size: ${batching === '' ? 1 : BATCH}
${batching}
input [{ name: "x" data_type: TYPE_FP32 dims: [4] }]
output [{ name: "y" data_type: TYPE_FP32 dims: [4] }, { name: "rows" data_type: TYPE_INT32 dims: [1] }]
instance_group [{ kind: KIND_CPU count: 1 }]
`);
  }
}
