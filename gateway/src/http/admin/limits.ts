import type { Limits, SubjectLimits } from '@sluice/proto/access/v1/access';
import { Level } from '@sluice/proto/access/v1/access';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ALL, OPERATORS, OWNER, adminRoute, requireRole, type AdminDoor } from './door.ts';
import { levelInput, levelName } from './levels.ts';
import { list, nameInput } from './view.ts';

/** Absent: it stays as it is. Null or 0: no limit. */
const limitInput = z.number('it must be a number').int('it must be a whole number').min(0, 'it must not be negative').max(Number.MAX_SAFE_INTEGER, 'it is too large').nullish();

const newLimits = {
  level: levelInput,
  id: nameInput,
  requests_per_minute: limitInput,
  tokens_per_minute: limitInput,
  concurrent_requests: limitInput,
  requests_per_day: limitInput,
};

/** How much an organisation, a project or a key may ask for. */
export function limitsRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/limits', ALL, async ({ actor, options }) => {
    const { limits } = await door.access.listLimits({ organisationId: actor.organisationId }, options);
    return { json: list(limits.map(limitsView)) };
  });
  adminRoute(server, door, 'PUT', '/limits', OPERATORS, async ({ administrator, actor, options, body }) => {
    const { level, id, ...given } = body(newLimits);
    if (level !== Level.KEY) requireRole(administrator, OWNER);
    const change = {
      ...changed('requestsPerMinute', given.requests_per_minute),
      ...changed('tokensPerMinute', given.tokens_per_minute),
      ...changed('concurrentRequests', given.concurrent_requests),
      ...changed('requestsPerDay', given.requests_per_day),
    };
    const set = await door.access.setLimits({ actor, level, subjectId: id, change }, options);
    return { json: limitsView(set.limits!) };
  });
}

type LimitName = 'requestsPerMinute' | 'tokensPerMinute' | 'concurrentRequests' | 'requestsPerDay';

function changed(name: LimitName, given: number | null | undefined): { [name in LimitName]?: bigint } {
  return given === undefined ? {} : { [name]: BigInt(given ?? 0) };
}

function limitsView({ level, subjectId, limits }: SubjectLimits): object {
  return {
    object: 'limits',
    level: levelName(level),
    id: subjectId,
    requests_per_minute: limitOf(limits, 'requestsPerMinute'),
    tokens_per_minute: limitOf(limits, 'tokensPerMinute'),
    concurrent_requests: limitOf(limits, 'concurrentRequests'),
    requests_per_day: limitOf(limits, 'requestsPerDay'),
  };
}

/** Null: no limit. */
function limitOf(limits: Limits | undefined, name: LimitName): number | null {
  return Number(limits?.[name] ?? 0n) || null;
}
