import { ServiceError } from '@sluice/errors';
import type { ChatCall } from '@sluice/proto/chat/v1/chat';
import type { Deployment } from './deployment.ts';
import type { Fleet } from './fleet.ts';
import { COUNTED_DEPLOYMENTS_LIMIT } from './limits.ts';
import type { Member } from './member.ts';
import type { Registry } from './ports.ts';
import { mayDoBetterElsewhere } from './verdict.ts';

export interface CountedCall {
  readonly callId: string;
  readonly organisationId: string;
  readonly call: ChatCall;
  readonly modelId: string;
}

export interface CountOptions {
  readonly registry: Registry;
  readonly fleet: Fleet;
  /** Told of every deployment that did not count by its own doing. */
  readonly onFailedCount: (deployment: Deployment, error: ServiceError) => void;
}

/**
 * The tokens of a call's prompt, whichever deployment of its model answers it: every one is asked, and the most counts,
 * because two versions of a model may have two tokenisers. Undefined when one of them is outside of the house, away,
 * cannot count, or fails; then nobody can say what the call will be counted as.
 */
export async function countInput(counted: CountedCall, signal: AbortSignal, options: CountOptions): Promise<number | undefined> {
  const { organisationId, modelId } = counted;
  if (!options.registry.knows(organisationId, modelId)) return undefined;
  const members = options.fleet.of(modelId);
  if (members.length === 0 || members.length > COUNTED_DEPLOYMENTS_LIMIT || !members.every(canCount)) return undefined;
  let most = 0;
  for (const tokens of await Promise.all(members.map((member) => countAt(member, counted, signal, options)))) {
    if (tokens === undefined) return undefined;
    most = Math.max(most, tokens);
  }
  return most;
}

function canCount({ deployment, backend, isHealthy }: Member): boolean {
  return deployment.placement === 'inside' && isHealthy && backend.countInput !== undefined;
}

/** A count that fails says nothing of the deployment's answers: health and breaker do not hear of it. */
async function countAt({ deployment, backend }: Member, { callId, call }: CountedCall, signal: AbortSignal, { onFailedCount }: CountOptions): Promise<number | undefined> {
  const { id: deploymentId, versionId, upstreamModel } = deployment;
  try {
    return await backend.countInput?.({ callId, call, versionId, deploymentId, upstreamModel }, signal);
  } catch (thrown) {
    const error = ServiceError.from(thrown);
    if (mayDoBetterElsewhere(error)) onFailedCount(deployment, error);
    return undefined;
  }
}
