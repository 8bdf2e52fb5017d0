import { create } from '@bufbuild/protobuf';
import type { Ids } from '@sluice/clock';
import type { EventLog } from '@sluice/events';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import type { SqlTransaction } from '@sluice/sql';
import type { Act, Change } from '../domain/ports.ts';
import { aliasMessage, deploymentMessage, modelMessage, versionMessage } from './messages.ts';

/** Publishes a change for replicas and the act for the audit, with the transaction. */
export async function publish(events: EventLog, ids: Ids, transaction: SqlTransaction, act: Act, change: Change): Promise<void> {
  const { organisationId } = act.actor;
  const changed = create(RegistryChangedSchema, {
    organisationId,
    models: change.models?.map(modelMessage) ?? [],
    versions: change.versions?.map(versionMessage) ?? [],
    deployments: change.deployments?.map(deploymentMessage) ?? [],
    aliases: change.aliases?.map(aliasMessage) ?? [],
    removedModelIds: [...(change.removedModelIds ?? [])],
    removedAliasNames: [...(change.removedAliasNames ?? [])],
  });
  await events.publish(transaction, RegistryChangedSchema, organisationId, changed);
  const acted = create(AdminActedSchema, {
    id: ids.next('act'),
    actor: act.actor,
    organisationId,
    action: act.action,
    object: act.object,
    actedAtMs: BigInt(act.atMs),
    // RFC 8785: the detail is flat, so sorting its own keys makes the JSON canonical.
    detailJson: JSON.stringify(act.detail, Object.keys(act.detail).sort()),
  });
  await events.publish(transaction, AdminActedSchema, organisationId, acted);
}
