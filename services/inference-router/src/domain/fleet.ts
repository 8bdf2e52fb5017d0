import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Backend } from './backend.ts';
import { chooseLeastLoaded } from './choose-least-loaded.ts';
import { isSameBackend, type Deployment } from './deployment.ts';
import { Member } from './member.ts';
import type { Serves } from './serves-tensors.ts';

export interface FleetOptions {
  readonly open: (deployment: Deployment) => Backend;
  readonly clock: Clock;
  /** A number from 0 up to, not including, the bound. */
  readonly random: (bound: number) => number;
  readonly inFlightPerDeployment: number;
  /** A backend that could not be opened or closed; the error is free of content. */
  readonly onFault: (deployment: Deployment, error: unknown) => void;
}

/** All deployments that this process can send calls to, and those that end their last calls. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #members = new Map<string, Member>();
  /** The members by their models: a call looks at its own model's only. */
  #byModel: ReadonlyMap<string, readonly Member[]> = new Map();
  readonly #draining = new Set<Member>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Makes the fleet what is deployed now. Running calls stay where they are. */
  reconcile(active: readonly Deployment[]): void {
    const wanted = new Map(active.map((deployment) => [deployment.id, deployment]));
    for (const member of this.#members.values()) {
      const deployment = wanted.get(member.deployment.id);
      if (deployment && isSameBackend(deployment, member.deployment)) wanted.delete(deployment.id);
      else this.#retire(member);
    }
    for (const deployment of wanted.values()) this.#join(deployment);
    this.#byModel = Map.groupBy(this.#members.values(), ({ deployment }) => deployment.modelId);
  }

  /** Every deployment, also those that only end their last calls. */
  list(): Member[] {
    return [...this.#members.values(), ...this.#draining];
  }

  /** The deployments that calls for a model may go to, healthy or not. */
  of(modelId: string): readonly Member[] {
    return this.#byModel.get(modelId) ?? [];
  }

  /**
   * The least loaded healthy deployment of a model that was not tried yet; undefined when all were tried.
   * With `insideOnly` one outside of the house is never chosen, and with `serves` none that does not.
   * Throws `backend_unavailable` when none is healthy, `model_not_installed` when that is for want of weights alone,
   * `overloaded` when all are full, `admission_required` when one outside could take the call and none inside can.
   */
  choose(modelId: string, tried: ReadonlySet<string>, insideOnly: boolean, serves: Serves = anything): Member | undefined {
    const all = this.of(modelId).filter(serves);
    const untried = all.filter(({ deployment }) => !tried.has(deployment.id));
    if (untried.length === 0 && all.length > 0) return undefined;
    const healthy = untried.filter(({ isHealthy }) => isHealthy);
    if (healthy.length === 0) throw unavailable(all);
    const free = healthy.filter(({ inFlight }) => inFlight < this.#options.inFlightPerDeployment);
    if (free.length === 0) throw new ServiceError('overloaded', 'Every backend of this model is at its limit of concurrent calls.');
    const allowed = insideOnly ? free.filter(({ deployment }) => deployment.placement === 'inside') : free;
    if (allowed.length === 0) throw new ServiceError('admission_required', 'Only a backend outside of the house can answer this call.');
    return chooseLeastLoaded(bestOf(allowed), this.#options.random);
  }

  /** Retires everything and closes it, running calls or not. */
  async close(): Promise<void> {
    this.reconcile([]);
    for (const member of [...this.#draining]) this.#close(member);
    await Promise.all(this.#closing);
  }

  #join(deployment: Deployment): void {
    let backend: Backend;
    try {
      backend = this.#options.open(deployment);
    } catch (thrown) {
      this.#options.onFault(deployment, thrown);
      return;
    }
    const member = new Member(deployment, backend, this.#options.clock, (drained) => this.#close(drained));
    this.#members.set(deployment.id, member);
    member.health.start();
  }

  #retire(member: Member): void {
    this.#members.delete(member.deployment.id);
    this.#draining.add(member);
    member.retire();
  }

  #close(member: Member): void {
    if (!this.#draining.delete(member)) return;
    const closing: Promise<void> = member.backend
      .close()
      .catch((thrown: unknown) => this.#options.onFault(member.deployment, thrown))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

function anything(): boolean {
  return true;
}

/** Those known to be up and not asked to pause, before those only hoped to be. */
function bestOf(members: readonly Member[]): readonly Member[] {
  const up = members.filter(({ health, isResting }) => health.status === 'up' && !isResting);
  if (up.length > 0) return up;
  const awake = members.filter(({ isResting }) => !isResting);
  return awake.length > 0 ? awake : members;
}

function unavailable(members: readonly Member[]): ServiceError {
  const faults = members.map(({ health }) => health.fault);
  // No retry helps there, and the fault names what does.
  if (faults[0] && faults.every((fault) => fault?.code === 'model_not_installed')) return new ServiceError('model_not_installed', faults[0].message);
  const soonestMs = Math.min(...members.map(({ breaker }) => breaker.retryAfterMs));
  const retryAfterSeconds = Number.isFinite(soonestMs) ? Math.max(1, Math.ceil(soonestMs / 1000)) : 1;
  return new ServiceError('backend_unavailable', 'No backend of this model is available at the moment.', { retryAfterSeconds });
}
