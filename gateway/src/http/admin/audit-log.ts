import type { FastifyInstance } from 'fastify';
import { ALL, adminRoute, type AdminDoor } from './door.ts';

const TEXT = 'text/plain; charset=utf-8';

/** The transparency log itself (C2SP tlog-tiles); holds nothing that is not fit for the public. */
export function auditLogRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/audit/log/checkpoint', ALL, async ({ options }) => {
    const { note } = await door.audit.getCheckpoint({}, options);
    return { bytes: note, contentType: TEXT };
  });
  adminRoute(server, door, 'GET', '/audit/log/key', ALL, async ({ options }) => {
    const { verifierKey } = await door.audit.getCheckpoint({}, options);
    return { bytes: Buffer.from(`${verifierKey}\n`), contentType: TEXT };
  });
  adminRoute(server, door, 'GET', '/audit/log/tile/*', ALL, async ({ options, param }) => {
    const { data } = await door.audit.getTile({ path: `tile/${param('*')}` }, options);
    return { bytes: data, contentType: 'application/octet-stream' };
  });
}
