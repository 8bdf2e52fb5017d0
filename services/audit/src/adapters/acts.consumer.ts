import type { Ids } from '@sluice/clock';
import type { EventRecord } from '@sluice/events';
import type { AdminActed, AdminActedSchema } from '@sluice/proto/events/v1/calls';
import type { SqlTransaction } from '@sluice/sql';
import { actEntry, type Act } from '../domain/acts.ts';
import { SALT_SEED_BYTES } from '../domain/own-leaf.ts';
import { clean } from './clean.ts';
import { appendLeaves } from './log-sql.ts';

/** Takes one act in: its row and its leaf. */
export async function consumeAct(transaction: SqlTransaction, { position, message }: EventRecord<typeof AdminActedSchema>, ids: Ids): Promise<void> {
  const act = actOf(message);
  const seed = Buffer.from(ids.randomBytes(SALT_SEED_BYTES));
  const leaf = await appendLeaves(transaction, [actEntry(act, position, seed)]);
  await transaction.query(
    `INSERT INTO act (leaf_index, id, organisation_id, actor_key_id, actor_organisation_id, action, object, acted_at_ms, detail_json, salt_seed)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [leaf, act.id, act.organisationId, act.actorKeyId, act.actorOrganisationId, act.action, act.object, act.actedAtMs, act.detailJson, seed],
  );
}

function actOf({ id, organisationId, actor, action, object, actedAtMs, detailJson }: AdminActed): Act {
  return {
    id: clean(id), organisationId: clean(organisationId), actorKeyId: clean(actor?.keyId ?? ''), actorOrganisationId: clean(actor?.organisationId ?? ''),
    action: clean(action), object: clean(object), actedAtMs, detailJson: clean(detailJson),
  };
}
