import type { Act } from '@sluice/proto/audit/v1/audit';
import type { FastifyInstance } from 'fastify';
import { AUDITORS, adminRoute, type AdminDoor } from './door.ts';
import { filterInput, limitInput, list, time } from './view.ts';

export function auditActsRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/audit/acts', AUDITORS, async ({ actor, options, query }) => {
    const { limit, after } = query({ limit: limitInput, after: filterInput });
    const { acts, hasMore } = await door.audit.listActs({ organisationId: actor.organisationId, limit, after }, options);
    return { json: list(acts.map(actView), hasMore) };
  });
}

function actView({ act, leafIndex }: Act): object {
  const acted = act!;
  return {
    object: 'act',
    id: acted.id,
    action: acted.action,
    object_id: acted.object,
    actor: { key_id: acted.actor?.keyId ?? '', organisation_id: acted.organisationId },
    acted_at: time(acted.actedAtMs),
    detail: acted.detailJson === '' ? {} : (JSON.parse(acted.detailJson) as object),
    leaf_index: Number(leafIndex),
  };
}
