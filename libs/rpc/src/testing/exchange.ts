import { setImmediate as nextTurn } from 'node:timers/promises';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import type { GrpcClient } from '../grpc.ts';
import { WAIT_LIMIT_MS, collect } from './waiting.ts';

/** Calls, one after the other, until the calls of a client both ways share a stream with so many instances. */
export async function untilExchanged(client: GrpcClient, instances = 1): Promise<void> {
  const { modelStreamInfer } = client.connect(GRPCInferenceService);
  const endMs = performance.now() + WAIT_LIMIT_MS;
  while (client.exchanges < instances) {
    if (performance.now() > endMs) throw new Error('no stream is shared');
    const controller = new AbortController();
    let isOver = false;
    const call = collect(modelStreamInfer((async function* () { /* Asks nothing. */ })(), { signal: controller.signal })).catch(() => undefined).then(() => (isOver = true));
    while (!isOver && client.exchanges < instances) await nextTurn();
    controller.abort();
    await call;
  }
}
