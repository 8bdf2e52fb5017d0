import { ServiceError } from '@sluice/errors';
import { KeyKind, Role, type ApiKey } from '@sluice/proto/access/v1/access';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ALL, OPERATORS, OWNER, adminRoute, requireRole, type AdminDoor, type AdminRequest } from './door.ts';
import { list, nameInput, text, time, timeInput } from './view.ts';

const ROLES = { owner: Role.OWNER, member: Role.MEMBER, auditor: Role.AUDITOR } as const;
const roleNames = Object.keys(ROLES) as [keyof typeof ROLES];
const MODELS_LIMIT = 256;

const newKey = {
  name: nameInput,
  kind: z.enum(['inference', 'admin'], 'it must be inference or admin').default('inference'),
  role: z.enum(roleNames, `it must be one of ${roleNames.join(', ')}`).nullish(),
  project_id: nameInput.nullish(),
  models: z.array(nameInput).max(MODELS_LIMIT, `it must hold at most ${MODELS_LIMIT} names`).default([]),
  expires_at: timeInput,
};

export function keysRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/keys', ALL, async ({ actor, options }) => {
    const { keys } = await door.access.listApiKeys({ organisationId: actor.organisationId }, options);
    return { json: list(keys.map(keyView)) };
  });
  adminRoute(server, door, 'POST', '/keys', OPERATORS, async (request) => {
    const { name, kind, role, project_id, models, expires_at } = request.body(newKey);
    if (kind === 'admin') requireRole(request.administrator, OWNER);
    if (kind === 'admin' && !role) throw new ServiceError('missing_required_parameter', "Missing required parameter: 'role'.", { param: 'role' });
    if (models.length > 0) await refuseUnknownModels(door, request, models);
    const projectId = kind === 'admin' ? '' : (project_id ?? (await onlyProject(door, request)));
    const made = await door.access.createApiKey(
      { actor: request.actor, kind: kind === 'admin' ? KeyKind.ADMIN : KeyKind.INFERENCE, role: role ? ROLES[role] : Role.UNSPECIFIED, projectId, name, models, expiresAtMs: expires_at },
      request.options,
    );
    return { status: 201, json: { ...keyView(made.key!), secret: made.secret } };
  });
  adminRoute(server, door, 'DELETE', '/keys/:id', OPERATORS, async (request) => {
    const id = request.param('id');
    const { keys } = await door.access.listApiKeys({ organisationId: request.actor.organisationId }, request.options);
    const known = keys.find((candidate) => candidate.id === id);
    if (!known) throw new ServiceError('not_found', 'There is no such key.', { param: 'id' });
    if (known.kind === KeyKind.ADMIN) requireRole(request.administrator, OWNER);
    const { key, wasRevoked } = await door.access.revokeApiKey({ actor: request.actor, keyId: id }, request.options);
    return { json: { ...keyView(key!), was_revoked: wasRevoked } };
  });
}

export function roleName(role: Role): string | null {
  return roleNames.find((name) => ROLES[name] === role) ?? null;
}

/** Most houses have one project; with several the caller must say which. */
async function onlyProject(door: AdminDoor, { actor, options }: AdminRequest): Promise<string> {
  const { projects } = await door.access.listProjects({ organisationId: actor.organisationId }, options);
  if (projects.length === 1) return projects[0]!.id;
  throw new ServiceError('missing_required_parameter', "Missing required parameter: 'project_id': the organisation has not exactly one project.", { param: 'project_id' });
}

/** Names told to somebody who mistyped one. */
const TOLD_NAMES = 20;

/** Access takes any name; who asks here means a model that there is, and a key for a mistyped one would open nothing. */
async function refuseUnknownModels(door: AdminDoor, { actor, options }: AdminRequest, wanted: readonly string[]): Promise<void> {
  const { models, aliases } = await door.registry.listModels({ organisationId: actor.organisationId }, options);
  const names = [...models, ...aliases].map(({ name }) => name).toSorted();
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  const told = names.length > TOLD_NAMES ? [...names.slice(0, TOLD_NAMES), '...'] : names;
  const known = told.length === 0 ? 'There is no model yet: add it before the key.' : `Known names: ${told.join(', ')}. A model must be there before a key for it.`;
  throw new ServiceError('model_not_found', `No model or alias has the name ${unknown.join(', ')}. ${known}`, { param: 'models' });
}

function keyView(key: ApiKey): object {
  return {
    object: 'key',
    id: key.id,
    name: key.name,
    kind: key.kind === KeyKind.ADMIN ? 'admin' : 'inference',
    role: roleName(key.role),
    project_id: text(key.projectId),
    prefix: key.prefix,
    models: key.models,
    created_at: time(key.createdAtMs),
    expires_at: time(key.expiresAtMs),
    revoked_at: time(key.revokedAtMs),
  };
}
