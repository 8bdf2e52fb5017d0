import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { HealthState } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';
import type { Policies, Policy } from './call/policy.ts';
import { Builds } from './builds.ts';
import { compilePolicies, rehearsePart, type OrganisationPolicies, type Part } from './organisation-policies.ts';
import type { Compiler, InForce, Rehearsals, RulesInForce } from './ports.ts';
import type { Rule } from './rule.ts';

/** The longest lists are compiled in three seconds of a core, and what was accepted must come up on a busy machine too; what takes so long has failed. */
const BUILD_LIMIT_MS = 120_000;
/** The rule that takes longer is refused. */
const REHEARSAL_LIMIT_MS = 8_000;
/** How long an administrator waits for a rule to be applied. Its owner compiled it before; where that is another process it is read and compiled here, the longest in some seconds. A request of theirs has 15 s. */
const FORCE_LIMIT_MS = 12_000;
const RETRY_FIRST_MS = 100;
const RETRY_LAST_MS = 2_000;

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
  /** Parts of rules that are about to be kept, by place. */
  readonly rehearsed: Map<string, Part<Compiled>>;
  /** Why the rules are not known; nothing passes until they are. */
  failure: ServiceError | undefined;
  building: Promise<void> | undefined;
  /** Resolves with the end of the next attempt. Errors: `content_filter_unavailable` with this message, `draining`. */
  attempt: PromiseWithResolvers<void>;
  /** Ends the pause before the next attempt. */
  retry: (() => void) | undefined;
}

/**
 * The rules in force in this process, compiled. A new version is built beside the old one, which goes on until it is
 * swapped; versions that are heard of meanwhile are built in one. What cannot be built lets nothing pass.
 */
export class PolicyBook<Compiled> implements Policies, InForce, Rehearsals {
  readonly #options: PolicyBookOptions<Compiled>;
  readonly #entries = new Map<string, Entry<Compiled>>();
  /** Of an organisation that never had a rule. */
  readonly #noRules: OrganisationPolicies<Compiled>;
  /** The organisations that have rules are known. */
  #isLoaded = false;
  readonly #builds: Builds;

  constructor(options: PolicyBookOptions<Compiled>) {
    this.#options = options;
    this.#builds = new Builds(options.clock);
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
    const untilMs = this.#options.clock.monotonicMs() + FORCE_LIMIT_MS;
    // Each attempt reads the newest version, so this ends with the second success or the first failure.
    while (versionOf(entry) < version) {
      await this.#attempted(entry, untilMs, 'The change is kept, and is not applied yet: the filter takes long to build its rules.');
      if (entry.failure) throw unavailable('The change is kept, but the filter cannot apply its rules: calls are refused until it can.', entry.failure);
    }
  }

  async rehearse(rule: Rule, untilMs: number, first: (signal: AbortSignal) => Promise<void>): Promise<(kept?: bigint) => void> {
    const { organisationId } = rule;
    if (!this.#isLoaded) throw unavailable('The filter rules are being loaded.');
    const entry = this.#wanted(organisationId, 0n);
    // This process has just been started, or a rule was kept just now: beside the rules of before it, its words would be compiled once more.
    while (versionOf(entry) < entry.wanted && !entry.failure) await this.#attempted(entry, untilMs, 'The filter rules are being loaded.');
    const { policies } = entry;
    if (!policies) throw entry.failure ?? unavailable('The filter rules are being loaded.');
    try {
      const [place, part] = await this.#builds.run(REHEARSAL_LIMIT_MS, async (signal) => {
        await first(signal);
        return rehearsePart(this.#options.compiler, rule, policies.rules, policies.parts, signal);
      }, untilMs);
      entry.rehearsed.set(place, part);
      const forget = (): void => {
        if (entry.rehearsed.get(place) === part) entry.rehearsed.delete(place);
      };
      // Why a version could not be built was said where it was tried.
      return (kept) => void (kept === undefined ? forget() : this.reached(organisationId, kept).then(forget, forget));
    } catch (thrown) {
      if (!(thrown instanceof ServiceError) || thrown.code !== 'deadline_exceeded') throw thrown;
      const why = `compiling it beside the rules in force takes too long (it has ${REHEARSAL_LIMIT_MS / 1000} s at most); make the list shorter, or remove a rule first`;
      throw new ServiceError('invalid_value', `Invalid \`patterns\`: ${why}.`, { param: 'patterns', cause: thrown });
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
    this.#builds.stop();
    for (const { attempt } of this.#entries.values()) attempt.resolve();
    await this.settled();
  }

  #wanted(organisationId: string, version: bigint): Entry<Compiled> {
    let entry = this.#entries.get(organisationId);
    if (!entry) {
      // Who was not among those that have rules had none until now: that is the version that goes on.
      entry = { wanted: version, policies: this.#isLoaded ? this.#noRules : undefined, rehearsed: new Map(), failure: undefined, building: undefined, attempt: Promise.withResolvers(), retry: undefined };
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

  /** Resolves with the end of the next attempt. */
  async #attempted({ attempt }: Entry<Compiled>, untilMs: number, tooLate: string): Promise<void> {
    const { clock } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = clock.after(Math.max(0, Math.min(untilMs - clock.monotonicMs(), BUILD_LIMIT_MS)), () => late.reject(unavailable(tooLate)));
    try {
      await Promise.race([attempt.promise, late.promise]);
      if (this.#builds.stopped.aborted) throw new ServiceError('draining', 'The server is shutting down.');
    } finally {
      timer.cancel();
    }
  }

  async #buildUntilCurrent(organisationId: string, entry: Entry<Compiled>): Promise<void> {
    for (let failures = 0; versionOf(entry) < entry.wanted && !this.#builds.stopped.aborted; ) {
      try {
        entry.policies = await this.#builds.run(BUILD_LIMIT_MS, (signal) => this.#build(organisationId, entry, signal));
        entry.failure = undefined;
        failures = 0;
      } catch (thrown) {
        if (this.#builds.stopped.aborted) break;
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

  async #build(organisationId: string, entry: Entry<Compiled>, signal: AbortSignal): Promise<OrganisationPolicies<Compiled>> {
    const wanted = entry.wanted;
    const rules = await this.#options.readRules(organisationId, (entry.policies ?? this.#noRules).rules);
    if (rules.version < wanted) throw new ServiceError('internal', 'The rules that were read are older than those that were heard of.');
    return compilePolicies(this.#options.compiler, rules, new Map([...(entry.policies?.parts ?? []), ...entry.rehearsed]), signal);
  }

  async #pause(entry: Entry<Compiled>, delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => resolve();
    const timer = this.#options.clock.after(delayMs, end);
    entry.retry = end;
    this.#builds.stopped.addEventListener('abort', end, { once: true });
    if (this.#builds.stopped.aborted) end();
    await promise;
    entry.retry = undefined;
    timer.cancel();
    this.#builds.stopped.removeEventListener('abort', end);
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
