import { BodyPolicy, type Project } from '@sluice/proto/access/v1/access';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ALL, OWNER, adminRoute, type AdminDoor } from './door.ts';
import { list, nameInput, time } from './view.ts';

const POLICIES = { sent: BodyPolicy.SENT, original_and_sent: BodyPolicy.ORIGINAL_AND_SENT, digest: BodyPolicy.DIGEST } as const;
const policyNames = Object.keys(POLICIES) as [keyof typeof POLICIES];

export function projectsRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/projects', ALL, async ({ actor, options }) => {
    const { projects } = await door.access.listProjects({ organisationId: actor.organisationId }, options);
    return { json: list(projects.map(projectView)) };
  });
  adminRoute(server, door, 'POST', '/projects', OWNER, async ({ actor, options, body }) => {
    const { name, body_policy } = body({ name: nameInput, body_policy: z.enum(policyNames, `it must be one of ${policyNames.join(', ')}`).default('sent') });
    const { project } = await door.access.createProject({ actor, name, bodyPolicy: POLICIES[body_policy] }, options);
    return { status: 201, json: projectView(project!) };
  });
}

function projectView({ id, name, organisationId, bodyPolicy, createdAtMs }: Project): object {
  const policy = policyNames.find((candidate) => POLICIES[candidate] === bodyPolicy) ?? 'sent';
  return { object: 'project', id, name, organisation_id: organisationId, body_policy: policy, created_at: time(createdAtMs) };
}
