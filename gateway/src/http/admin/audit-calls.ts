import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { callDetail } from './call-detail.ts';
import { callEvidence } from './call-evidence.ts';
import { callView } from './call-view.ts';
import { ALL, AUDITORS, adminRoute, type AdminDoor } from './door.ts';
import { requireKnown } from './known-subjects.ts';
import { filterInput, limitInput, list, timeInput } from './view.ts';

const STATUSES = ['running', 'answered', 'disconnected', 'failed', 'abandoned', 'refused'] as const;

const filters = {
  limit: limitInput,
  after: filterInput,
  project_id: filterInput,
  key_id: filterInput,
  model: filterInput,
  status: z.enum(STATUSES, `it must be one of ${STATUSES.join(', ')}`).optional(),
  since: timeInput,
  until: timeInput,
};

export function auditCallsRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/audit/calls', ALL, async (request) => {
    const { actor, options } = request;
    const { limit, after, project_id, key_id, model, status, since, until } = request.query(filters);
    await requireKnown(door, request, { projectId: project_id, keyId: key_id });
    const { calls, hasMore } = await door.audit.listCalls(
      { organisationId: actor.organisationId, projectId: project_id, keyId: key_id, model, status: status ?? '', sinceMs: since, untilMs: until, limit, after: bareId(after) },
      options,
    );
    return { json: list(calls.map(callView), hasMore) };
  });
  adminRoute(server, door, 'GET', '/audit/calls/:id', AUDITORS, async ({ actor, options, param }) => {
    const found = await door.audit.getCall({ organisationId: actor.organisationId, callId: bareId(param('id')) }, options);
    return { json: { ...callView(found.call!), ...callDetail(found) } };
  });
  adminRoute(server, door, 'GET', '/audit/calls/:id/proof', ALL, async ({ administrator, actor, options, param }) => {
    const asked = { organisationId: actor.organisationId, callId: bareId(param('id')) };
    const { bundle, entry } = await door.audit.getProof(asked, options);
    // Evidence shows what was said: it is for those who may read the call itself.
    const evidence = AUDITORS.includes(administrator.role) ? callEvidence(await door.audit.getCall(asked, options)) : {};
    return { json: { object: 'audit.proof', call_id: asked.callId, bundle: Buffer.from(bundle).toString(), entry: Buffer.from(entry).toString('base64'), ...evidence } };
  });
}

/** A call's id, also when it was given as the id of its answer. */
function bareId(id: string): string {
  return id.replace(/^chatcmpl-/, '');
}
