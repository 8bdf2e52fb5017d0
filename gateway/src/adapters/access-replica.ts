import { ServiceError } from '@sluice/errors';
import { AccessService, type Project } from '@sluice/proto/access/v1/access';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import type { Platform } from '@sluice/platform';
import { Replica, STALE_AFTER_MS } from '@sluice/replica';
import type { Client } from '@sluice/rpc';
import type { SealingKey } from '@sluice/segment';
import { KeyDirectory } from '../domain/key-directory.ts';
import type { Limits, LimitSource } from '../domain/limits/limits.ts';
import type { ParameterRule, RuleSource } from '../domain/parameters/parameter-rules.ts';

/** Keys are not judged by a copy that is older than this: a revoked key must not live on. */
const TOO_OLD_AFTER_MS = 30_000;
/** A call waits this long at most for an owner that is slow. */
const READ_TIMEOUT_MS = 1_000;
/** After a read that failed, the owner is left alone for this long: calls must not pile up on it. */
const RETRY_AFTER_MS = 500;

type Parts = Pick<Platform, 'connect' | 'events' | 'clock' | 'logger'>;

/** The copy of keys, projects, limits and parameter rules, and the owner's word where the copy is too old. */
export class AccessReplica implements LimitSource, RuleSource {
  readonly replica: Replica<KeyDirectory, typeof AccessChangedSchema>;
  readonly #access: Client<typeof AccessService>;
  readonly #parts: Parts;
  /** What a call read from the owner while the copy was old. */
  #read: { readonly directory: KeyDirectory; readonly atMs: number } | undefined;
  #reading: Promise<void> | undefined;
  #failedAtMs = -Infinity;
  readonly #fetching = new Map<string, Promise<void>>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#access = parts.connect(AccessService);
    this.replica = new Replica({
      name: 'access',
      schema: AccessChangedSchema,
      events: parts.events,
      clock: parts.clock,
      logger: parts.logger,
      load: async (signal) => {
        const snapshot = await this.#access.getSnapshot({}, { signal });
        return { position: snapshot.position, state: directoryOf(snapshot) };
      },
      apply: (directory, { message }) => {
        if (!directory.apply(message) && message.change.case === 'project') void this.#fetchSecrets(message.change.value);
        return directory;
      },
    });
  }

  /** The newest that is known. */
  get directory(): KeyDirectory {
    const read = this.#read;
    const state = this.replica.state;
    if (read && (!state || this.#ageOf(read.atMs) < this.replica.ageMs())) return read.directory;
    if (!state) throw unavailable();
    return state;
  }

  /** Resolves when what is known may be trusted; undefined when it may be now. */
  fresh(): Promise<void> | undefined {
    return this.#ageMs() <= STALE_AFTER_MS ? undefined : this.#refresh();
  }

  /** @throws access_unavailable for a project whose data key is not known here; it is asked for, so that the next call finds it */
  sealingKey(projectId: string): SealingKey {
    const sealing = this.directory.sealingKey(projectId);
    if (sealing) return sealing;
    const project = this.directory.project(projectId);
    if (project) void this.#fetchSecrets(project);
    throw unavailable();
  }

  /** Resolves when the project's data key is here: an event tells of a new project and its keys before the data key has arrived. */
  recordable(projectId: string): Promise<void> | undefined {
    if (this.directory.sealingKey(projectId)) return undefined;
    const project = this.directory.project(projectId);
    if (!project) return Promise.reject(unavailable());
    return this.#fetchSecrets(project).then(() => {
      if (!this.directory.sealingKey(projectId)) throw unavailable();
    });
  }

  limits(subjectId: string): Limits | undefined {
    return this.directory.limits(subjectId);
  }

  parameterRules(organisationId: string): readonly ParameterRule[] | undefined {
    return this.directory.parameterRules(organisationId);
  }

  async #refresh(): Promise<void> {
    if (this.#ageOf(this.#failedAtMs) > RETRY_AFTER_MS) {
      this.#reading ??= this.#readOwner().finally(() => (this.#reading = undefined));
      await this.#reading;
    }
    if (this.#ageMs() > TOO_OLD_AFTER_MS) throw unavailable();
  }

  async #readOwner(): Promise<void> {
    const askedAtMs = this.#parts.clock.monotonicMs();
    try {
      const snapshot = await this.#access.getSnapshot({}, { timeoutMs: READ_TIMEOUT_MS });
      this.#read = { directory: directoryOf(snapshot), atMs: askedAtMs };
    } catch (thrown) {
      this.#failedAtMs = this.#parts.clock.monotonicMs();
      this.#parts.logger.warn({ code: ServiceError.from(thrown).code, ageMs: Math.round(this.#ageMs()) }, 'access does not answer');
    }
  }

  /** An event tells of a project but carries no key: that is asked for. */
  #fetchSecrets({ id: projectId, organisationId }: Pick<Project, 'id' | 'organisationId'>): Promise<void> {
    const known = this.#fetching.get(projectId);
    if (known) return known;
    const fetching = this.#access
      .getProjectSecrets({ organisationId, projectId }, { timeoutMs: READ_TIMEOUT_MS })
      .then(({ project }) => project && this.directory.putSecrets(project))
      .catch((thrown: unknown) => this.#parts.logger.warn({ projectId, code: ServiceError.from(thrown).code }, 'the keys of a project could not be read'))
      .finally(() => this.#fetching.delete(projectId));
    this.#fetching.set(projectId, fetching);
    return fetching;
  }

  #ageMs(): number {
    return Math.min(this.replica.ageMs(), this.#ageOf(this.#read?.atMs ?? -Infinity));
  }

  #ageOf(atMs: number): number {
    return this.#parts.clock.monotonicMs() - atMs;
  }
}

function directoryOf(snapshot: Parameters<KeyDirectory['load']>[0]): KeyDirectory {
  const directory = new KeyDirectory();
  directory.load(snapshot);
  return directory;
}

function unavailable(): ServiceError {
  return new ServiceError('access_unavailable', 'API keys cannot be checked at the moment.');
}
