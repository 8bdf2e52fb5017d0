import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import type { Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Actor as ActorMessage } from '@sluice/proto/access/v1/access';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import type { SqlTransaction } from '@sluice/sql';
import type { EventLog } from './event-log.ts';

/** Who asks for a change: an admin key of an organisation. */
export interface Actor {
  readonly keyId: string;
  readonly organisationId: string;
}

/** What an administrator did, for the audit. `detail` is public within the organisation and holds no secret. */
export interface AdminAct {
  readonly actor: Actor;
  /** Dotted verb: `key.created`. */
  readonly action: string;
  /** Kind and id of the thing acted on: `api_key:key_...`. */
  readonly object: string;
  readonly atMs: number;
  readonly detail: Readonly<Record<string, string | number | readonly string[]>>;
}

/** What replicas of the owner must hear of. */
export interface OwnersChange<M extends DescMessage> {
  readonly schema: M;
  readonly message: MessageShape<M>;
}

export interface ActOutlet {
  readonly events: Pick<EventLog, 'publish'>;
  readonly ids: Pick<Ids, 'next'>;
}

/**
 * Publishes an act for the audit, and before it the change that it made, with the transaction that made it: an act that
 * cannot be recorded does not happen. The order is the same in every service, because a topic is locked until the commit.
 */
export async function publishAct<M extends DescMessage>(
  { events, ids }: ActOutlet, transaction: SqlTransaction, act: AdminAct, change?: OwnersChange<M>,
): Promise<void> {
  const { actor, action, object, atMs, detail } = act;
  const { organisationId } = actor;
  if (change) await events.publish(transaction, change.schema, organisationId, change.message);
  const message = create(AdminActedSchema, {
    id: ids.next('act'),
    actor: { keyId: actor.keyId, organisationId },
    organisationId,
    action,
    object,
    actedAtMs: BigInt(atMs),
    // RFC 8785: the detail is flat, so sorting its own keys makes the JSON canonical.
    detailJson: JSON.stringify(detail, Object.keys(detail).sort()),
  });
  await events.publish(transaction, AdminActedSchema, organisationId, message);
}

/** The actor that a request must name. Errors: `missing_required_parameter`. */
export function actorOf(message: ActorMessage | undefined): Actor {
  if (!message) throw new ServiceError('missing_required_parameter', '`actor` must be given.', { param: 'actor' });
  return { keyId: message.keyId, organisationId: message.organisationId };
}
