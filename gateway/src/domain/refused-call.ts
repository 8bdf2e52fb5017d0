import type { ServiceError } from '@sluice/errors';
import { commitmentHash, encodeCall, refusedView, type PendingRecord, type RecordSource } from '@sluice/segment';
import { plainCall, type Call, type Principal } from './call.ts';
import { factsOf } from './call-refusal.ts';
import { commitToFields } from './leaf.ts';
import { originalPrompt } from './originals.ts';
import type { RandomBytes, Segments } from './ports.ts';
import { recordedError } from './told-error.ts';

const SALT_BYTES = 32;

/** An authenticated call that is refused before inference, with the request as far as it was understood; only what the filter gave back of it is kept, unless the project keeps originals. */
export interface RefusedCall {
  readonly callId: string;
  readonly principal: Principal;
  readonly understood: Call;
  /** Carries what refused it, and the call as the filter gave it, once it has (call-refusal.ts). */
  readonly error: ServiceError;
  readonly refusedAtMs: number;
}

/** Records a refusal; resolves when it is durable. Throws when it cannot be, and then the refusal must not be told either. */
export async function recordRefusal(refusal: RefusedCall, segments: Segments, randomBytes: RandomBytes): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let pending = [refusedRecord(refusal, randomBytes)];
  const source: RecordSource = {
    projectId: refusal.principal.projectId,
    take: () => pending.splice(0),
    acknowledged: () => resolve(),
    lost: (error) => reject(error),
  };
  segments.accepting();
  segments.open(source);
  try {
    segments.enqueue(source);
    await promise;
  } finally {
    pending = [];
    segments.close(source);
  }
}

function refusedRecord({ callId, principal, understood: { model, ...asked }, error, refusedAtMs }: RefusedCall, randomBytes: RandomBytes): PendingRecord {
  const { call: kept, refusedBy, inputVerdict } = factsOf(error);
  const understood = { ...(kept ?? asked), model };
  const { changes } = understood;
  const keptCall = principal.keepsBodies && kept ? understood : undefined;
  const original = principal.keepsOriginals ? originalPrompt({ ...asked, model }, keptCall, randomBytes) : undefined;
  const facts = { ...(refusedBy ? { refusedBy } : {}), ...(inputVerdict ? { inputVerdict } : {}), ...(changes ? { parameters: [...changes] } : {}) };
  const promptSalt = randomBytes(SALT_BYTES);
  const told = recordedError(error, principal.keepsBodies, randomBytes);
  const { leaf, openings } = commitToFields({
    call_id: callId,
    organisation_id: principal.organisationId,
    project_id: principal.projectId,
    key_id: principal.keyId,
    model: understood.model,
    prompt: commitmentHash(promptSalt, encodeCall(plainCall(understood))),
    error: told.commitment,
    result: JSON.stringify([error.code, error.httpStatus, error.param ?? '', refusedAtMs, refusedView(facts)]),
    ...(principal.keepsOriginals ? { original_prompt: original?.commitment ?? '' } : {}),
  }, randomBytes);
  const value = {
    organisationId: principal.organisationId,
    projectId: principal.projectId,
    keyId: principal.keyId,
    model: understood.model,
    errorCode: error.code,
    httpStatus: error.httpStatus,
    param: error.param ?? '',
    refusedAtMs: BigInt(refusedAtMs),
    leaf,
    ...facts,
  };
  // What the filter has not given back may hold what a rule would mask: it is committed to, and not kept.
  const body = keptCall ? { call: plainCall(keptCall) } : {};
  return { callId, record: { case: 'refused', value }, body: { case: 'completed', value: { openings, promptSalt, ...told.body, ...body, ...original?.body } } };
}
