import { toMinuteMs, type LogEntry } from '@sluice/transparency';
import { commitmentsOf, type Field } from './own-leaf.ts';

/** What an administrator did. */
export interface Act {
  readonly id: string;
  readonly organisationId: string;
  readonly actorKeyId: string;
  readonly actorOrganisationId: string;
  readonly action: string;
  readonly object: string;
  readonly actedAtMs: bigint;
  readonly detailJson: string;
}

/** Acts are numbered by their topic, without gaps, so a missing one shows. */
const ACTS_PRODUCER = 'admin.acted';
const PRUNING_PRODUCER = 'audit.retention';

/** The leaf of an act at its position in the topic. */
export function actEntry(act: Act, position: bigint, saltSeed: Uint8Array): LogEntry {
  const fields: Field[] = [
    ['id', act.id],
    ['organisation_id', act.organisationId],
    ['actor_key_id', act.actorKeyId],
    ['actor_organisation_id', act.actorOrganisationId],
    ['action', act.action],
    ['object', act.object],
    ['acted_at_ms', act.actedAtMs.toString()],
    ['detail', act.detailJson],
  ];
  return { type: 'admin.acted', producer: ACTS_PRODUCER, epoch: 0n, seq: position, minuteMs: toMinuteMs(Number(act.actedAtMs)), commitments: commitmentsOf(fields, saltSeed) };
}

/** The leaf of retention's own act. It holds no secret: `seq` is the first moment that was kept, in milliseconds. */
export function pruningEntry(beforeMs: number, nowMs: number): LogEntry {
  return { type: 'bodies.pruned', producer: PRUNING_PRODUCER, epoch: 0n, seq: BigInt(beforeMs), minuteMs: toMinuteMs(nowMs), commitments: [] };
}
