import { ServiceError } from '@sluice/errors';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { OWNER, adminRoute, type AdminDoor } from './door.ts';

const PATH_LIMIT_CHARACTERS = 4096;
const directoryInput = z.string().min(1, 'it must not be empty').max(PATH_LIMIT_CHARACTERS, 'it is too long').regex(/^\//, 'it must be an absolute path');

export function backupsRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'POST', '/backups', OWNER, async ({ body, signal }) => {
    const { directory } = body({ directory: directoryInput });
    if (!door.backup) throw new ServiceError('not_found', 'This process cannot make backups: its database is a server of your own, which has its own tools.');
    await door.backup(directory, signal);
    return { status: 201, json: { object: 'backup', directory } };
  });
}
