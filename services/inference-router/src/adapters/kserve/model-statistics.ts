import type { ModelStatistics } from '@sluice/proto/kserve';
import type { BackendStatistics } from '../../domain/backend.ts';

const NANOSECONDS_PER_SECOND = 1e9;

/** What a server says of all versions of a model that it has, added up. */
export function readStatistics(versions: readonly ModelStatistics[]): BackendStatistics {
  const batches = new Map<number, number>();
  let [inferences, executions, failures, queueSeconds] = [0, 0, 0, 0];
  for (const { inferenceCount, executionCount, inferenceStats, batchStats } of versions) {
    inferences += Number(inferenceCount);
    executions += Number(executionCount);
    failures += Number(inferenceStats?.fail?.count ?? 0n);
    queueSeconds += Number(inferenceStats?.queue?.ns ?? 0n) / NANOSECONDS_PER_SECOND;
    for (const { batchSize, computeInfer } of batchStats) {
      const size = Number(batchSize);
      batches.set(size, (batches.get(size) ?? 0) + Number(computeInfer?.count ?? 0n));
    }
  }
  return { inferences, executions, failures, queueSeconds, batches };
}
