import type { FastifyInstance } from 'fastify';
import { ALL, adminRoute, type AdminDoor } from './door.ts';
import { roleName } from './keys.ts';

/** Whose key this is. */
export function whoamiRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/whoami', ALL, async ({ administrator }) => ({
    json: { object: 'principal', key_id: administrator.keyId, organisation_id: administrator.organisationId, role: roleName(administrator.role) },
  }));
}
