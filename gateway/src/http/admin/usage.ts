import { ServiceError } from '@sluice/errors';
import type { LedgerItem, UsageRow } from '@sluice/proto/billing/v1/billing';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { exact } from './amounts.ts';
import { LEDGER_CHECK_TIMEOUT_MS } from '../limits.ts';
import { ALL, AUDITORS, adminRoute, type AdminDoor, type AdminRequest } from './door.ts';
import { requireKnown } from './known-subjects.ts';
import { knownModel } from './registry-name.ts';
import { filterInput, list, timeInput } from './view.ts';

const DAY_MS = 86_400_000;
const GROUPS = ['day', 'project', 'key', 'model'] as const;
type Group = (typeof GROUPS)[number];

const TODAY = 0n;
/** Nothing was used so early, nor on the day of the epoch itself, whose number stands for today. */
const BEFORE_EVERYTHING = -1n;

/** A day in UTC, as days since the Unix epoch; absent is today. */
const dayInput = z.iso
  .date({ error: 'it must be a day as in 2026-01-31' })
  .optional()
  .transform((day) => (day === undefined ? TODAY : BigInt(Date.parse(day) / DAY_MS) || BEFORE_EVERYTHING));

const groupsInput = z
  .string()
  .default('day,project,key,model')
  .transform((text) => (text === '' ? [] : text.split(',')))
  .refine((names): names is Group[] => names.every(isGroup), `it must be a list of ${GROUPS.join(', ')} with commas`);

/** Items are small, and a comparison reads all of them. */
const itemsLimitInput = z.coerce.number({ error: 'it must be a number' }).int('it must be an integer').min(1, 'it must be at least 1').max(1000, 'it must be at most 1000').default(100);

/** What was used and what it cost, and whether the ledger says so too. */
export function usageRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/usage', ALL, async (request) => {
    const { actor, options } = request;
    const { since, until, group_by, project_id, key_id, model: name } = request.query({ since: dayInput, until: dayInput, group_by: groupsInput, project_id: filterInput, key_id: filterInput, model: filterInput });
    await requireKnown(door, request, { projectId: project_id, keyId: key_id });
    const model = name && (await usedName(door, request, name));
    const { currency, rows } = await door.billing.getUsage(
      { organisationId: actor.organisationId, sinceDay: since, untilDay: until, groupBy: group_by, projectId: project_id, keyId: key_id, model },
      options,
    );
    return { json: { ...list(rows.map((row) => usageView(row, group_by))), currency } };
  });
  adminRoute(server, door, 'GET', '/ledger/check', AUDITORS, async ({ actor, signal }) => {
    const { faults, transactions, entries, calls, billed, overrun, held, currency } = await door.billing.checkLedger({ organisationId: actor.organisationId }, { timeoutMs: LEDGER_CHECK_TIMEOUT_MS, signal });
    const counted = { transactions: exact(transactions), entries: exact(entries), calls: exact(calls), billed, overrun, held, currency };
    return { json: { object: 'ledger_check', ok: faults.length === 0, ...counted, faults: faults.map(({ law, detail }) => ({ law, detail })) } };
  });
  adminRoute(server, door, 'GET', '/ledger/items', AUDITORS, async ({ actor, options, query }) => {
    const { limit, after, since, until } = query({ limit: itemsLimitInput, after: filterInput, since: timeInput, until: timeInput });
    const { items, hasMore } = await door.billing.listLedgerItems({ organisationId: actor.organisationId, afterCallId: after, sinceMs: since, untilMs: until, limit }, options);
    return { json: list(items.map(itemView), hasMore) };
  });
}

/**
 * The name that usage is kept under: of the model that an alias means, or of one that was removed and has been used.
 *
 * @throws model_not_found
 */
async function usedName(door: AdminDoor, request: AdminRequest, name: string): Promise<string> {
  const { actor: { organisationId }, options } = request;
  const known = await knownModel(door, request, name);
  if (known) return known;
  const { rows } = await door.billing.getUsage({ organisationId, sinceDay: BEFORE_EVERYTHING, untilDay: 0n, groupBy: [], model: name }, options);
  if (rows.some(({ calls }) => calls > 0n)) return name;
  throw new ServiceError('model_not_found', `There is no model or alias \`${name}\`, and no use of one that was removed.`, { param: 'model' });
}

function isGroup(name: string): name is Group {
  return (GROUPS as readonly string[]).includes(name);
}

function usageView(row: UsageRow, groups: readonly Group[]): object {
  const by: Record<Group, unknown> = { day: new Date(Number(row.day) * DAY_MS).toISOString().slice(0, 10), project: row.projectId, key: row.keyId, model: row.model };
  return {
    object: 'usage',
    ...Object.fromEntries(groups.map((group) => [group, by[group]])),
    calls: exact(row.calls),
    input_tokens: exact(row.inputTokens),
    cached_input_tokens: exact(row.cachedInputTokens),
    output_tokens: exact(row.outputTokens),
    reasoning_tokens: exact(row.reasoningTokens),
    cost: exact(BigInt(row.cost) - BigInt(row.overrun)),
    overrun: row.overrun,
  };
}

function itemView(item: LedgerItem): object {
  return {
    object: 'ledger_item',
    call_id: item.callId,
    transaction_id: item.transactionId,
    project_id: item.projectId,
    key_id: item.keyId,
    model: item.model,
    input_tokens: exact(item.inputTokens),
    cached_input_tokens: exact(item.cachedInputTokens),
    output_tokens: exact(item.outputTokens),
    reasoning_tokens: exact(item.reasoningTokens),
    cost_nano: exact(item.costNano - item.overrunNano),
    overrun_nano: exact(item.overrunNano),
  };
}
