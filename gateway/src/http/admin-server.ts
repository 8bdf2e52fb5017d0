import type { FastifyInstance } from 'fastify';
import type { Clock, Ids } from '@sluice/clock';
import type { Logger } from '@sluice/telemetry';
import { aliasesRoutes } from './admin/aliases.ts';
import { auditActsRoutes } from './admin/audit-acts.ts';
import { auditCallsRoutes } from './admin/audit-calls.ts';
import { auditLogRoutes } from './admin/audit-log.ts';
import { backendsRoutes } from './admin/backends.ts';
import { backupsRoutes } from './admin/backups.ts';
import { budgetsRoutes } from './admin/budgets.ts';
import type { AdminDoor } from './admin/door.ts';
import { filterRoutes } from './admin/filter.ts';
import { keysRoutes } from './admin/keys.ts';
import { limitsRoutes } from './admin/limits.ts';
import { modelsRoutes } from './admin/models.ts';
import { parameterRulesRoutes } from './admin/parameter-rules.ts';
import { pricesRoutes } from './admin/prices.ts';
import { projectsRoutes } from './admin/projects.ts';
import { usageRoutes } from './admin/usage.ts';
import { whoamiRoutes } from './admin/whoami.ts';
import { ADMIN_BODY_LIMIT_BYTES } from './limits.ts';
import { createServer } from './server.ts';

const ROUTES = [whoamiRoutes, projectsRoutes, keysRoutes, modelsRoutes, aliasesRoutes, backendsRoutes, auditCallsRoutes, auditActsRoutes, auditLogRoutes, limitsRoutes, parameterRulesRoutes, pricesRoutes, budgetsRoutes, usageRoutes, filterRoutes, backupsRoutes];

/** Where operators call. */
export function adminServer({ clock, ids, logger, ...door }: AdminDoor & { readonly clock: Clock; readonly ids: Ids; readonly logger: Logger }): FastifyInstance {
  const server = createServer({ clock, ids, logger, bodyLimitBytes: ADMIN_BODY_LIMIT_BYTES });
  for (const routes of ROUTES) routes(server, door);
  return server;
}
