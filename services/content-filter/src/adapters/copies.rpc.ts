import type { EventLog } from '@sluice/events';
import type { FilterRulesService } from '@sluice/proto/content_filter/v1/content_filter';
import type { Implementation } from '@sluice/rpc';
import type { Sql } from '@sluice/sql';
import type { HitStore } from '../domain/hit-journal.ts';
import { callHitsOf, requireOrganisation, ruleInForceMessage } from './messages.ts';
import { readRuleRows, readVersions } from './reads-sql.ts';

export interface CopiesRpcOptions {
  readonly sql: Sql;
  readonly events: Pick<EventLog, 'position'>;
  readonly hits: HitStore;
  readonly hitKey: Uint8Array;
}

/** The rpcs of FilterRulesService for processes that filter: what they need to know, and what they found. */
export function copiesRpc({ sql, events, hits, hitKey }: CopiesRpcOptions): Pick<Implementation<typeof FilterRulesService>, 'getSnapshot' | 'getRulesInForce' | 'addHits'> {
  return {
    async getSnapshot() {
      const { position, versions } = await readVersions(sql, events);
      return { position, versions: [...versions].map(([organisationId, policyVersion]) => ({ organisationId, policyVersion })), hitKey };
    },
    async getRulesInForce({ organisationId, knownRuleIds }) {
      requireOrganisation(organisationId);
      const { version, rows } = await readRuleRows(sql, organisationId, knownRuleIds);
      return { rules: rows.map(ruleInForceMessage), policyVersion: version };
    },
    async addHits({ sender, number, calls }) {
      for (const { organisationId } of calls) requireOrganisation(organisationId);
      await hits.write({ sender, number, calls: calls.map(callHitsOf) });
      return {};
    },
  };
}
