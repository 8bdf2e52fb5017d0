import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { HealthState } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';
import type { Policies, Policy } from './call/policy.ts';
import { compilePolicies, type OrganisationPolicies } from './organisation-policies.ts';
import type { Compiler, InForce, RulesInForce } from './ports.ts';
import type { Rule } from './rule.ts';

/** Reading and compiling the longest lists takes a second; what takes so long has failed, and nothing may pass then. */
const BUILD_LIMIT_MS = 20_000;
/** How long an administrator waits for a rule to be applied. */
const FORCE_LIMIT_MS = 10_000;
const RETRY_FIRST_MS = 100;
const RETRY_LAST_MS = 2_000;
/** The rest of the machine answers calls meanwhile. */
const BUILDS_AT_ONCE = 2;

export interface PolicyBookOptions<Compiled> {
  readonly compiler: Compiler<Compiled>;
  /** @param known rules that need not be read again, by id */
  readonly readRules: (organisationId: string, known: ReadonlyMap<string, Rule>) => Promise<RulesInForce>;
  /** False when a change may have been missed. */
  readonly hearsChanges: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Entry<Compiled> {
  /** The newest version that was heard of. */
  wanted: bigint;
  policies: OrganisationPolicies<Compiled> | undefined;
  /** Why the rules are not known; nothing passes until they are. */
  failure: ServiceError | undefined;
  building: Promise<void> | undefined;
  /** Resolves with the end of the next attempt. */
  attempt: PromiseWithResolvers<void>;
  /** Ends the pause before the next attempt. */
  retry: (() => void) | undefined;
}

/**
 * The rules in force in this process, compiled. A new version is built beside the old one, which goes on until it is
 * swapped; versions that are heard of meanwhile are built in one. What cannot be built lets nothing pass.
 */
export class PolicyBook<Compiled> implements Policies, InForce {
  readonly #options: PolicyBookOptions<Compiled>;
  readonly #entries = new Map<string, Entry<Compiled>>();
  /** Of an organisation that never had a rule. */
  readonly #noRules: OrganisationPolicies<Compiled>;
  /** The organisations that have rules are known. */
  #isLoaded = false;
  readonly #stop = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #builds = 0;

  constructor(options: PolicyBookOptions<Compiled>) {
    this.#options = options;
    const nothing = options.compiler.policy(0n, []);
    this.#noRules = { version: 0n, rules: new Map(), parts: new Map(), of: () => nothing };
  }

  /** These are all organisations that ever had a rule, with the versions of their rules. */
  loaded(versions: ReadonlyMap<string, bigint>): void {
    for (const [organisationId, version] of versions) this.#wanted(organisationId, version);
    this.#isLoaded = true;
  }

  /** Rules of that version are in force: builds them unless they are built. */
  heard(organisationId: string, version: bigint): void {
    this.#wanted(organisationId, version);
  }

  of(organisationId: string, projectId: string): Policy {
    if (!this.#isLoaded || !this.#options.hearsChanges()) throw unavailable('Changes of the filter rules are not heard; nothing may pass.');
    const entry = this.#entries.get(organisationId);
    if (!entry) return this.#noRules.of(projectId);
    if (entry.failure) throw entry.failure;
    if (!entry.policies) throw unavailable('The filter rules are being loaded.');
    return entry.policies.of(projectId);
  }

  async reached(organisationId: string, version: bigint): Promise<void> {
    const entry = this.#wanted(organisationId, version);
    const late = Promise.withResolvers<never>();
    const timer = this.#options.clock.after(FORCE_LIMIT_MS, () => late.reject(unavailable('The change is kept, and is not applied yet: the filter takes long to build its rules.')));
    try {
      // Each attempt reads the newest version, so this ends with the second success or the first failure.
      while (versionOf(entry) < version) {
        await Promise.race([entry.attempt.promise, late.promise]);
        if (entry.failure) throw unavailable('The change is kept, but the filter cannot apply its rules: calls are refused until it can.', entry.failure);
      }
    } finally {
      timer.cancel();
    }
  }

  /** Resolves when everything that was heard of was built, or could not be. */
  async tried(): Promise<void> {
    const untried = [...this.#entries.values()].filter(({ policies, failure }) => !policies && !failure);
    await Promise.all(untried.map(({ attempt }) => attempt.promise));
  }

  /** Resolves when nothing is being built. */
  async settled(): Promise<void> {
    for (const { building } of this.#entries.values()) await building;
  }

  /** Down while no organisation's calls pass; rules of some that fail are refused to these alone. */
  health(): HealthState {
    if (!this.#isLoaded || !this.#options.hearsChanges()) return { status: 'down', detail: 'changes of the filter rules are not heard' };
    const entries = [...this.#entries.values()];
    const failed = entries.filter(({ failure }) => failure).length;
    if (failed > 0) return { status: 'degraded', detail: `the rules of ${organisations(failed)} could not be loaded; calls of these are refused` };
    const missing = entries.filter(({ policies }) => !policies).length;
    return missing > 0 ? { status: 'degraded', detail: `the rules of ${organisations(missing)} are being loaded; calls of these are refused` } : { status: 'ok' };
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (const { attempt } of this.#entries.values()) attempt.resolve();
    await this.settled();
  }

  #wanted(organisationId: string, version: bigint): Entry<Compiled> {
    let entry = this.#entries.get(organisationId);
    if (!entry) {
      // Who was not among those that have rules had none until now: that is the version that goes on.
      entry = { wanted: version, policies: this.#isLoaded ? this.#noRules : undefined, failure: undefined, building: undefined, attempt: Promise.withResolvers(), retry: undefined };
      this.#entries.set(organisationId, entry);
    }
    if (version > entry.wanted) {
      entry.wanted = version;
      // The change may be the mend.
      entry.retry?.();
    }
    const started = entry;
    if (versionOf(entry) < entry.wanted) entry.building ??= this.#buildUntilCurrent(organisationId, entry).finally(() => (started.building = undefined));
    return entry;
  }

  async #buildUntilCurrent(organisationId: string, entry: Entry<Compiled>): Promise<void> {
    for (let failures = 0; versionOf(entry) < entry.wanted && !this.#stop.signal.aborted; ) {
      try {
        entry.policies = await this.#inTurn(() => this.#limited(this.#build(organisationId, entry)));
        entry.failure = undefined;
        failures = 0;
      } catch (thrown) {
        if (this.#stop.signal.aborted) break;
        failures++;
        const error = thrown instanceof Error ? thrown : new Error('not an error was thrown');
        this.#options.logger.error({ organisationId, attempt: failures, error }, 'the filter rules could not be loaded; nothing passes');
        entry.failure = unavailable('The filter rules could not be loaded; nothing may pass.', error);
      }
      entry.attempt.resolve();
      entry.attempt = Promise.withResolvers();
      if (failures > 0) await this.#pause(entry, Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(failures - 1, 10)));
    }
  }

  async #build(organisationId: string, entry: Entry<Compiled>): Promise<OrganisationPolicies<Compiled>> {
    const wanted = entry.wanted;
    const rules = await this.#options.readRules(organisationId, (entry.policies ?? this.#noRules).rules);
    if (rules.version < wanted) throw new ServiceError('internal', 'The rules that were read are older than those that were heard of.');
    return compilePolicies(this.#options.compiler, rules, entry.policies);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#builds >= BUILDS_AT_ONCE) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#builds++;
    try {
      return await work();
    } finally {
      // The place is handed on, so that nobody who comes meanwhile overtakes.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#builds--;
    }
  }

  async #limited<T>(work: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = this.#options.clock.after(BUILD_LIMIT_MS, () => late.reject(new ServiceError('deadline_exceeded', 'The filter rules took too long to build.')));
    const end = (): void => late.reject(new ServiceError('draining', 'The server is shutting down.'));
    this.#stop.signal.addEventListener('abort', end, { once: true });
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      timer.cancel();
      this.#stop.signal.removeEventListener('abort', end);
    }
  }

  async #pause(entry: Entry<Compiled>, delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => resolve();
    const timer = this.#options.clock.after(delayMs, end);
    entry.retry = end;
    this.#stop.signal.addEventListener('abort', end, { once: true });
    if (this.#stop.signal.aborted) end();
    await promise;
    entry.retry = undefined;
    timer.cancel();
    this.#stop.signal.removeEventListener('abort', end);
  }
}

function organisations(count: number): string {
  return count === 1 ? '1 organisation' : `${count} organisations`;
}

function versionOf({ policies }: Entry<unknown>): bigint {
  return policies?.version ?? -1n;
}

function unavailable(message: string, cause?: Error): ServiceError {
  return new ServiceError('content_filter_unavailable', message, cause && { cause });
}
