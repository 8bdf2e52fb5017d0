import type { Code, ServiceError } from '@sluice/errors';
import { ModelRaised } from './model-raised.ts';
import { OutOfRoom } from './whole-answers.ts';

/**
 * What the end of an attempt says about its deployment: `works` (it answered), `busy` (it works and asks for a pause),
 * `broken`, or `nothing` (the caller left, the request was at fault before the backend was asked, or there was no room
 * for the answer here).
 */
export type Verdict = 'works' | 'busy' | 'broken' | 'nothing';

/** Refused by a deployment because it has too much to do at the moment. */
const BUSY: ReadonlySet<Code> = new Set(['upstream_rate_limited', 'overloaded']);

/** Faults of the deployment: away, failing, slow, without its model, or with one that cannot be used. */
const BROKEN: ReadonlySet<Code> = new Set(['backend_unavailable', 'upstream_error', 'upstream_timeout', 'model_not_installed', 'failed_precondition', 'internal']);

/** Of refusals only `upstream_refused` is the backend's own word; every other may have been found without asking it. A model that raised was asked too. */
export function verdictOf(error: ServiceError | undefined): Verdict {
  if (!error || error.code === 'upstream_refused' || error.cause instanceof ModelRaised) return 'works';
  if (BUSY.has(error.code)) return error.cause instanceof OutOfRoom ? 'nothing' : 'busy';
  return BROKEN.has(error.code) ? 'broken' : 'nothing';
}

/** True for the deployment's own doing, too busy or broken: another one may do better with the same request. */
export function mayDoBetterElsewhere(error: ServiceError): boolean {
  const verdict = verdictOf(error);
  return verdict === 'busy' || verdict === 'broken';
}
