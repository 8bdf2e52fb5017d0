import { ServiceError } from '@sluice/errors';
import type { AccessService } from '@sluice/proto/access/v1/access';
import type { AuditService } from '@sluice/proto/audit/v1/audit';
import type { Client, Implementation } from '@sluice/rpc';
import type { Sql } from '@sluice/sql';
import { formatProofBundle, formatVerifierKey, nodesFromTiles, parseTilePath, proveInclusion, type VerifierKey } from '@sluice/transparency';
import { isAct, listActs } from './acts-sql.ts';
import { readBodies } from './call-bodies.ts';
import { findCall, listCalls, type IndexedCall } from './calls-sql.ts';
import { newestCheckpoint } from './checkpoints-sql.ts';
import { countCalls } from './count-calls.ts';
import { readTile } from './tiles-sql.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** Answers AuditService. Nothing that is not under a published checkpoint is shown of the log. `caughtUp` resolves when all that is in the log now is taken in. */
export function auditRpc(sql: Sql, access: Client<typeof AccessService>, key: VerifierKey, caughtUp: () => Promise<void>): Implementation<typeof AuditService> {
  return {
    async listCalls(request) {
      const limit = pageLimit(request.limit);
      const found = await listCalls(sql, { ...request, organisationId: required(request.organisationId) }, limit);
      if (found.length === 0 && request.after && !(await findCall(sql, request.organisationId, request.after))) throw unknownCursor('call');
      return { calls: found.slice(0, limit).map(({ summary }) => summary), hasMore: found.length > limit };
    },

    async countCalls(request) {
      required(request.organisationId);
      await caughtUp();
      return { counts: await countCalls(sql, request) };
    },

    async getCall({ organisationId, callId }, { signal }) {
      const call = await callOf(sql, organisationId, callId);
      const { parts, available } = await readBodies(sql, access, call, signal);
      return { call: call.summary, parts, bodiesAvailable: available };
    },

    async listActs({ organisationId, limit: asked, after }) {
      const limit = pageLimit(asked);
      const found = await listActs(sql, required(organisationId), after, limit);
      if (found.length === 0 && after && !(await isAct(sql, organisationId, after))) throw unknownCursor('act');
      return { acts: found.slice(0, limit), hasMore: found.length > limit };
    },

    async getCheckpoint() {
      return { note: (await newestCheckpoint(sql)).note, verifierKey: formatVerifierKey(key) };
    },

    async getTile({ path }) {
      const tile = parseTilePath(path);
      if (!tile) throw new ServiceError('not_found', 'This is no path of a tile.', { param: 'path' });
      return { data: await readTile(sql, tile, (await newestCheckpoint(sql)).size) };
    },

    async getProof({ organisationId, callId }) {
      const { leafIndex } = await callOf(sql, organisationId, callId);
      if (leafIndex === undefined) throw new ServiceError('failed_precondition', 'The call runs; its proof comes with its end.', { retryAfterSeconds: 1 });
      const { size, note } = await newestCheckpoint(sql);
      if (leafIndex >= size) throw new ServiceError('failed_precondition', 'The end of the call is not under a checkpoint yet; it will be within a second.', { retryAfterSeconds: 1 });
      const proof = await proveInclusion(leafIndex, size, nodesFromTiles(size, (tile) => readTile(sql, tile, size)));
      const [row] = await sql.query<{ entry: Buffer }>('SELECT entry FROM leaf WHERE idx = $1', [leafIndex]);
      return { bundle: formatProofBundle({ index: leafIndex, proof, note }), entry: row!.entry };
    },
  };
}

async function callOf(sql: Sql, organisationId: string, callId: string): Promise<IndexedCall> {
  const call = await findCall(sql, required(organisationId), callId);
  if (!call) throw new ServiceError('not_found', 'There is no such call.', { param: 'call_id' });
  return call;
}

/** Behind what is not there nothing comes: who pages on from there would think that all was seen. */
function unknownCursor(what: 'call' | 'act'): ServiceError {
  return new ServiceError('invalid_value', `Invalid 'after': it must be the id of a known ${what}.`, { param: 'after' });
}

/** Tenancy is no filter that may be left out. */
function required(organisationId: string): string {
  if (organisationId === '') throw new ServiceError('missing_required_parameter', 'An organisation must be named.', { param: 'organisation_id' });
  return organisationId;
}

function pageLimit(asked: number): number {
  return asked === 0 ? DEFAULT_LIMIT : Math.min(asked, MAX_LIMIT);
}
