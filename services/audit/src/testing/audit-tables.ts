import { create } from '@bufbuild/protobuf';
import { rootKeyFrom } from '@sluice/envelope';
import { ManualClock, systemIds, type Ids } from '@sluice/clock';
import type { EventLog, SegmentEntry } from '@sluice/events';
import { ServiceError } from '@sluice/errors';
import { AccessService, GetProjectSecretsResponseSchema } from '@sluice/proto/access/v1/access';
import type { CallAbandoned } from '@sluice/proto/events/v1/calls';
import { AuditService } from '@sluice/proto/audit/v1/audit';
import { InProcessTransport, type Client, type Implementation } from '@sluice/rpc';
import { createSql, migrate, readMigrations, type SqlPool } from '@sluice/sql';
import { startTestDatabase } from '@sluice/sql/testing';
import { formatTilePath, tilesOf, type NoteSigner } from '@sluice/transparency';
import { auditRpc } from '../adapters/audit.rpc.ts';
import { newestCheckpoint, signCheckpoint } from '../adapters/checkpoints-sql.ts';
import { openLog } from '../adapters/log-sql.ts';
import { consumeSegments } from '../adapters/segments.consumer.ts';
import { ORGANISATION, PROJECT, SEALING } from './call-script.ts';

export const NOW_MS = 1_700_000_100_000;

/** Audit's tables in a real database, with its consumer and its rpcs, but without the event log in front. */
export interface AuditTables {
  readonly sql: SqlPool;
  readonly signer: NoteSigner;
  readonly ids: Ids;
  readonly audit: Client<typeof AuditService>;
  /** What was published about abandoned calls. Rolled back with the batch that published it. */
  readonly abandoned: CallAbandoned[];
  strays: number;
  /** Whether access knows the project's keys: gone, or away. */
  access: 'there' | 'shredded' | 'away';
  consume(entries: readonly SegmentEntry[]): Promise<void>;
  sign(): Promise<void>;
  /** The published log as files by path, read by the rpcs. */
  publish(): Promise<Map<string, Uint8Array>>;
  stop(): Promise<void>;
}

export async function startAuditTables(origin = 'audit.example/log'): Promise<AuditTables> {
  const database = await startTestDatabase();
  const sql = createSql({ url: database.url, schema: 'audit', connections: 4 });
  await migrate(sql, await readMigrations(new URL('../../migrations/', import.meta.url)));
  const clock = new ManualClock(NOW_MS);
  const ids = systemIds(clock);
  const signer = await openLog(sql, rootKeyFrom(Buffer.alloc(32, 1)), ids, origin);
  const transport = new InProcessTransport();
  const tables: AuditTables = {
    sql, signer, ids, audit: transport.connect(AuditService), abandoned: [], strays: 0, access: 'there',
    consume: (entries) => sql.transaction((transaction) => consumeSegments(transaction, entries, {
      clock, ids,
      events: { publish: async (_, __, ___, message) => void tables.abandoned.push(message as unknown as CallAbandoned) } as Pick<EventLog, 'publish'>,
      onStrays: (strays) => { tables.strays += strays; },
    })),
    sign: async () => void (await signCheckpoint(sql, signer, NOW_MS)),
    publish: () => publishedFiles(tables),
    stop: async () => {
      await sql.end();
      await database.stop();
    },
  };
  transport.serve(AccessService, accessOf(tables));
  transport.serve(AuditService, auditRpc(sql, transport.connect(AccessService), signer, async () => undefined));
  return tables;
}

export const segmentEntries = (segments: readonly { producer: string; epoch: bigint; seq: bigint; bytes: Uint8Array }[], kind: 'segment' | 'late' = 'segment'): SegmentEntry[] =>
  segments.map((segment) => ({ kind, segment }));

async function publishedFiles({ sql, audit }: AuditTables): Promise<Map<string, Uint8Array>> {
  const { size } = await newestCheckpoint(sql);
  const files = new Map<string, Uint8Array>([['checkpoint', (await audit.getCheckpoint({})).note]]);
  for (const tile of tilesOf(size)) {
    const paths = [formatTilePath(tile), ...(tile.level === 0 ? [formatTilePath({ ...tile, level: 'entries' })] : [])];
    for (const path of paths) files.set(path, (await audit.getTile({ path })).data);
  }
  return files;
}

/** Access as audit sees it: one rpc, one project. */
function accessOf(tables: { readonly access: AuditTables['access'] }): Implementation<typeof AccessService> {
  const notAsked = () => Promise.reject(new Error('audit asks access for secrets only'));
  return {
    getSnapshot: notAsked, authorise: notAsked, createProject: notAsked, listProjects: notAsked, createApiKey: notAsked, listApiKeys: notAsked, revokeApiKey: notAsked,
    setLimits: notAsked, listLimits: notAsked, setParameterRule: notAsked, listParameterRules: notAsked, removeParameterRule: notAsked,
    async getProjectSecrets({ organisationId, projectId }) {
      if (tables.access === 'away') throw new ServiceError('backend_unavailable', 'The service is not running.');
      if (tables.access === 'shredded' || projectId !== PROJECT || organisationId !== ORGANISATION) throw new ServiceError('not_found', 'There is no such project.');
      return create(GetProjectSecretsResponseSchema, { project: { dataKeys: [{ id: SEALING.id, key: SEALING.bytes }] } });
    },
  };
}
