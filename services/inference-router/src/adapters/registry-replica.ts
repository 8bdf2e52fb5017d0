import type { Clock, Timer } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { EventLog } from '@sluice/events';
import type { HealthState } from '@sluice/lifecycle';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import type { GetSnapshotResponse, ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import { Replica } from '@sluice/replica';
import type { Client } from '@sluice/rpc';
import type { Logger } from '@sluice/telemetry';
import type { Registry } from '../domain/ports.ts';
import { RegistryCopy } from '../domain/registry-copy.ts';

const READ_TIMEOUT_MS = 5000;
/** A call waits this long at most for a model that its gateway knows already. */
export const REREAD_LIMIT_MS = 1000;
/** Between two tries to read a credential. */
export const CREDENTIAL_RETRY_MS = 250;

export interface RegistryReplicaOptions {
  readonly owner: Client<typeof ModelRegistryService>;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Runs after each change of the copy. */
  readonly onChange: (copy: RegistryCopy) => void;
}

/**
 * The copy of the registry. Events carry no credential, so one that tells of a deployment which needs one makes it read
 * the credentials from a snapshot. The last known copy stays in use however old it is: a registry that is away stops no call.
 */
export class RegistryReplica implements Registry {
  readonly #options: RegistryReplicaOptions;
  readonly #replica: Replica<RegistryCopy, typeof RegistryChangedSchema>;
  readonly #stopped = new AbortController();
  #retry: Timer | undefined;
  #isReadingCredentials = false;
  #mustReadAgain = false;

  constructor(options: RegistryReplicaOptions) {
    this.#options = options;
    const { events, clock, logger, onChange } = options;
    this.#replica = new Replica({
      name: 'the copy of the registry',
      events,
      schema: RegistryChangedSchema,
      clock,
      logger,
      load: async (signal) => {
        const snapshot = await this.#snapshot(signal);
        const copy = RegistryCopy.of(snapshot);
        // One that events overtook is not taken over.
        if (snapshot.position >= this.#replica.position) onChange(copy);
        return { position: snapshot.position, state: copy };
      },
      apply: (copy, { message }) => {
        const needsCredential = copy.apply(message);
        onChange(copy);
        if (needsCredential) void this.#readCredentials();
        return copy;
      },
    });
  }

  /** Begins to read; does not wait for the owner, who may start later. */
  start(): void {
    this.#replica.start();
  }

  knows(organisationId: string, modelId: string): boolean {
    const copy = this.#replica.state;
    if (!copy) throw new ServiceError('backend_unavailable', 'The models are not known yet.');
    return copy.knows(organisationId, modelId);
  }

  async reread(): Promise<void> {
    const { promise: tooLate, resolve } = Promise.withResolvers<void>();
    const limit = this.#options.clock.after(REREAD_LIMIT_MS, resolve);
    await Promise.race([this.#replica.refresh(), tooLate]);
    limit.cancel();
  }

  health(): HealthState {
    return this.#replica.health();
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new ServiceError('cancelled', 'The router stops.'));
    this.#retry?.cancel();
    await this.#replica.stop();
  }

  #snapshot(signal: AbortSignal): Promise<GetSnapshotResponse> {
    return this.#options.owner.getSnapshot({}, { timeoutMs: READ_TIMEOUT_MS, signal });
  }

  /** One reading at a time; an event in the meantime may be behind the snapshot, so it is read again. */
  async #readCredentials(): Promise<void> {
    if (this.#isReadingCredentials) {
      this.#mustReadAgain = true;
      return;
    }
    this.#isReadingCredentials = true;
    this.#mustReadAgain = false;
    try {
      const { credentials } = await this.#snapshot(this.#stopped.signal);
      const copy = this.#replica.state;
      if (copy && !this.#stopped.signal.aborted) {
        copy.learn(credentials);
        this.#options.onChange(copy);
      }
    } catch (thrown) {
      this.#mustReadAgain = true;
      this.#options.logger.debug({ code: ServiceError.from(thrown).code }, 'The credentials of new deployments could not be read.');
    }
    this.#isReadingCredentials = false;
    if (!this.#mustReadAgain || this.#stopped.signal.aborted) return;
    this.#retry = this.#options.clock.after(CREDENTIAL_RETRY_MS, () => void this.#readCredentials());
  }
}
