import { JSON_ELEMENTS_LIMIT, tooManyForJson } from '@sluice/kserve';
import type { Signature } from '../../domain/deployment.ts';
import { batchSize, elementsOf, outputsOf, type Asked } from './answer-size.ts';

/**
 * Refuses a call whose answer will have more elements than JSON takes, before the model works for nothing. Where the
 * signature leaves a size open, only the answer shows it.
 *
 * @param names of the outputs that are wanted as JSON; empty: all
 * @param takesBatches whether the open first size of its tensors is that of a batch; asked where it matters
 * @throws ServiceError `invalid_value`, with the output as its parameter
 */
export async function requireJsonForm(names: readonly string[], signature: Signature, { inputs, outputs }: Asked, takesBatches: () => Promise<boolean>): Promise<void> {
  const wanted = outputsOf(signature, outputs).filter(({ name }) => names.length === 0 || names.includes(name));
  const beyond = (batch: number | undefined): string | undefined => {
    let elements = 0;
    return wanted.find(({ shape }) => (elements += elementsOf(shape, batch) ?? 0) > JSON_ELEMENTS_LIMIT)?.name;
  };
  const known = beyond(undefined);
  if (known !== undefined) throw tooManyForJson(known);
  const inBatch = beyond(batchSize(signature, inputs));
  if (inBatch !== undefined && (await takesBatches())) throw tooManyForJson(inBatch);
}
