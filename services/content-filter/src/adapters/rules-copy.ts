import type { EventLog } from '@sluice/events';
import type { Clock } from '@sluice/clock';
import { FilterChangedSchema } from '@sluice/proto/events/v1/changes';
import type { FilterRulesService } from '@sluice/proto/content_filter/v1/content_filter';
import { Replica } from '@sluice/replica';
import type { Client } from '@sluice/rpc';
import type { Logger } from '@sluice/telemetry';
import type { HitHash } from '../domain/call/policy.ts';
import type { HitStore } from '../domain/hit-journal.ts';
import type { PolicyBookOptions } from '../domain/policy-book.ts';
import { hitHash } from './hit-hash.ts';
import { callHitsMessage, ruleInForceOf } from './messages.ts';

/** A list of 200,000 words is read, sent and taken apart in one or two seconds; on a machine that is busy it takes longer. */
const RULES_LIMIT_MS = 30_000;
/** As long as a transaction of the owner may wait for others; calls do not wait for it. */
const HITS_LIMIT_MS = 10_000;

type Owner = Client<typeof FilterRulesService>;

/** The copy is the book: what follows the log keeps the key of hashed hits alone, in memory. */
export type RulesCopy = Replica<HitHash, typeof FilterChangedSchema>;

/** What hears of versions of rules. */
interface Hearer {
  loaded(versions: ReadonlyMap<string, bigint>): void;
  heard(organisationId: string, version: bigint): void;
}

/** The book hears of each version from the log, and of all of them whenever the owner is read. */
export function followRules(owner: Owner, book: Hearer, parts: { readonly events: Pick<EventLog, 'follow'>; readonly clock: Clock; readonly logger: Logger }): RulesCopy {
  return new Replica({
    ...parts,
    name: 'content-filter',
    schema: FilterChangedSchema,
    load: async (signal) => {
      const { position, versions, hitKey } = await owner.getSnapshot({}, { signal });
      book.loaded(new Map(versions.map(({ organisationId, policyVersion }) => [organisationId, policyVersion])));
      return { position, state: hitHash(hitKey) };
    },
    apply: (hash, { message: { organisationId, policyVersion } }) => {
      book.heard(organisationId, policyVersion);
      return hash;
    },
  });
}

/** Rules of an organisation, read from their owner. */
export function rulesOf(owner: Owner): PolicyBookOptions<unknown>['readRules'] {
  return async (organisationId, known) => {
    const { policyVersion, rules } = await owner.getRulesInForce({ organisationId, knownRuleIds: [...known.keys()] }, { timeoutMs: RULES_LIMIT_MS });
    return { version: policyVersion, rules: rules.map((one) => known.get(one.rule?.id ?? '') ?? ruleInForceOf(one)) };
  };
}

/** Hits are kept by the owner of the rules. */
export function hitsAtOwner(owner: Owner): HitStore {
  return {
    async write({ sender, number, calls }) {
      await owner.addHits({ sender, number, calls: calls.map(callHitsMessage) }, { timeoutMs: HITS_LIMIT_MS });
    },
  };
}
