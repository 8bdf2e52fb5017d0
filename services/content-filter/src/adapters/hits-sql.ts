import { create } from '@bufbuild/protobuf';
import type { EventLog } from '@sluice/events';
import { FilterHitsSchema } from '@sluice/proto/events/v1/changes';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { CallHits } from '../domain/call/call-filter.ts';
import type { HitBatch, HitStore } from '../domain/hit-journal.ts';

const DAY_MS = 86_400_000;
/** A process that does not hear for so long whether a batch was kept tells it as a new one. */
const REMEMBERED_DAYS = 7;

interface Count {
  readonly organisationId: string;
  readonly day: number;
  readonly ruleId: string;
  readonly projectId: string;
  blocked: number;
  masked: number;
  flagged: number;
  lastHitMs: number;
}

/** Statistics and events of a batch of calls, in one transaction, and once. */
export function sqlHits(sql: Sql, events: Pick<EventLog, 'publish'>): HitStore {
  return {
    write: (batch) =>
      sql.transaction(async (transaction) => {
        if (batch.sender !== '' && !(await isNew(transaction, batch))) return;
        const counts = countsOf(batch.calls);
        const column = <K extends keyof Count>(name: K): Count[K][] => counts.map((count) => count[name]);
        await transaction.query(ADD_COUNTS, [
          column('organisationId'), column('day'), column('ruleId'), column('projectId'), column('blocked'), column('masked'), column('flagged'), column('lastHitMs'),
        ]);
        for (const { counts: _counts, ...told } of batch.calls) await events.publish(transaction, FilterHitsSchema, told.organisationId, create(FilterHitsSchema, { ...told, hits: [...told.hits], atMs: BigInt(told.atMs) }));
      }),
  };
}

/** Waits for whoever is keeping the same batch, and remembers it in its place if that fails. */
async function isNew(transaction: SqlTransaction, { sender, number }: HitBatch): Promise<boolean> {
  if (number === 1n) await transaction.query(`delete from hit_batch where kept_at_ms < (extract(epoch from now()) * 1000)::bigint - $1::bigint`, [REMEMBERED_DAYS * DAY_MS]);
  return (await transaction.query(REMEMBER_BATCH, [sender, number])).length > 0;
}

const REMEMBER_BATCH = {
  name: 'filter_remember_batch',
  text: `
    insert into hit_batch as known (sender, number, kept_at_ms) values ($1, $2, (extract(epoch from now()) * 1000)::bigint)
    on conflict (sender) do update set number = excluded.number, kept_at_ms = excluded.kept_at_ms where known.number < excluded.number
    returning 1`,
} as const;

const ADD_COUNTS = {
  name: 'filter_add_counts',
  text: `
    insert into hits_of_day as known (organisation_id, day, rule_id, project_id, blocked, masked, flagged, last_hit_ms)
    select * from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
    on conflict (organisation_id, day, rule_id, project_id) do update set
      blocked = known.blocked + excluded.blocked, masked = known.masked + excluded.masked, flagged = known.flagged + excluded.flagged,
      last_hit_ms = greatest(known.last_hit_ms, excluded.last_hit_ms)`,
} as const;

/** In one order everywhere, so that two processes never wait for each other. */
function countsOf(batch: readonly CallHits[]): Count[] {
  const counts = new Map<string, Count>();
  for (const { organisationId, projectId, counts: inCall, atMs } of batch) {
    const day = Math.floor(atMs / DAY_MS);
    for (const { ruleId, action, count: hits } of inCall) {
      const name = JSON.stringify([organisationId, day, ruleId, projectId]);
      const count = counts.get(name) ?? { organisationId, day, ruleId, projectId, blocked: 0, masked: 0, flagged: 0, lastHitMs: 0 };
      counts.set(name, count);
      if (action === 'block') count.blocked += hits;
      else if (action === 'mask') count.masked += hits;
      else count.flagged += hits;
      count.lastHitMs = Math.max(count.lastHitMs, atMs);
    }
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count);
}
