import { ServiceError } from '@sluice/errors';
import { actorOf } from '@sluice/events';
import type {
  AccessService, ListLimitsRequest, ListParameterRulesRequest, RemoveParameterRuleRequest, SetLimitsRequest, SetParameterRuleRequest,
} from '@sluice/proto/access/v1/access';
import type { Implementation } from '@sluice/rpc';
import type { Platform } from '@sluice/platform';
import type { Sql } from '@sluice/sql';
import { actCounter } from '@sluice/telemetry';
import { authorise } from '../domain/authorise.ts';
import { createApiKey } from '../domain/create-api-key.ts';
import { createProject } from '../domain/create-project.ts';
import type { Administration } from '../domain/ports.ts';
import { revokeApiKey } from '../domain/revoke-api-key.ts';
import { removeParameterRule } from '../domain/remove-parameter-rule.ts';
import { isAction } from '../domain/role.ts';
import { setLimits } from '../domain/set-limits.ts';
import { setParameterRule } from '../domain/set-parameter-rule.ts';
import { limitsMessage, newLimitsOf, newParameterRuleOf, parameterRuleMessage } from './limits-messages.ts';
import { readLimits, readParameterRules } from './limits-sql.ts';
import { bodyPolicyOf, keyMessage, kindOf, projectMessage, roleOf, shownKeyMessage } from './messages.ts';
import { listKeys, listProjects, readProjectWithKeys, readSnapshot, type ProjectWithKeys } from './reads-sql.ts';

const countAct = actCounter('access');

/** One function an rpc: contract to domain and back. */
export function accessRpc(
  { events, rootKey }: Pick<Platform, 'events' | 'rootKey'>, sql: Sql, administration: Administration,
): Implementation<typeof AccessService> {
  return {
    async getSnapshot() {
      const { position, organisations, projects, keys, limits, parameterRules } = await readSnapshot(sql, events, rootKey);
      return {
        position,
        organisations: [...organisations],
        projects: projects.map(secretsMessage),
        keys: keys.map(keyMessage),
        limits: limits.map(limitsMessage),
        parameterRules: [...parameterRules].map(([organisationId, rules]) => ({ organisationId, rules: rules.map(parameterRuleMessage) })),
        pepper: Uint8Array.from(administration.pepper.export()),
      };
    },
    async authorise({ actor, action }) {
      if (!isAction(action)) throw new ServiceError('invalid_value', 'There is no such action.', { param: 'action' });
      await administration.acts.act((state) => authorise(state, actorOf(actor), action, administration.clock.wallMs()));
      return {};
    },
    async getProjectSecrets({ organisationId, projectId }) {
      if (organisationId === '') throw new ServiceError('missing_required_parameter', 'An organisation must be named.', { param: 'organisation_id' });
      const project = await readProjectWithKeys(sql, rootKey, organisationId, projectId);
      if (!project) throw new ServiceError('not_found', 'There is no such project.', { param: 'project_id' });
      return { project: secretsMessage(project) };
    },
    createProject: (request) =>
      countAct('project.create', async () => {
        const values = { name: request.name, bodyPolicy: bodyPolicyOf(request.bodyPolicy) ?? 'sent' as const };
        return { project: projectMessage(await createProject(administration, actorOf(request.actor), values)) };
      }),
    async listProjects({ organisationId }) {
      return { projects: (await listProjects(sql, organisationId)).map(projectMessage) };
    },
    createApiKey: (request) =>
      countAct('key.create', async () => {
        const kind = kindOf(request.kind);
        if (!kind) throw new ServiceError('missing_required_parameter', '`kind` must be given.', { param: 'kind' });
        const { projectId, name, models, expiresAtMs } = request;
        const values = { kind, role: roleOf(request.role), projectId, name, models, expiresAtMs };
        const { key, secret } = await createApiKey(administration, actorOf(request.actor), values);
        return { key: shownKeyMessage(key), secret };
      }),
    async listApiKeys({ organisationId }) {
      return { keys: (await listKeys(sql, organisationId)).map(shownKeyMessage) };
    },
    revokeApiKey: (request) =>
      countAct('key.revoke', async () => {
        const { key, wasRevoked } = await revokeApiKey(administration, actorOf(request.actor), request.keyId);
        return { key: shownKeyMessage(key), wasRevoked };
      }),
    ...limitsRpc(sql, administration),
  };
}

/** How much may be asked for, and with which parameters. */
function limitsRpc(sql: Sql, administration: Administration) {
  return {
    setLimits: (request: SetLimitsRequest) =>
      countAct('limits.set', async () => ({ limits: limitsMessage(await setLimits(administration, actorOf(request.actor), newLimitsOf(request))) })),
    async listLimits({ organisationId }: ListLimitsRequest) {
      return { limits: (await readLimits(sql, organisationId)).map(limitsMessage) };
    },
    setParameterRule: (request: SetParameterRuleRequest) =>
      countAct('parameter_rule.set', async () => ({ rule: parameterRuleMessage(await setParameterRule(administration, actorOf(request.actor), newParameterRuleOf(request.rule))) })),
    async listParameterRules({ organisationId }: ListParameterRulesRequest) {
      return { rules: ((await readParameterRules(sql, organisationId)).get(organisationId) ?? []).map(parameterRuleMessage) };
    },
    removeParameterRule: (request: RemoveParameterRuleRequest) =>
      countAct('parameter_rule.remove', async () => ({ rule: parameterRuleMessage(await removeParameterRule(administration, actorOf(request.actor), request.ruleId)) })),
  };
}

function secretsMessage({ project, dataKeys }: ProjectWithKeys) {
  return { project: projectMessage(project), dataKeys: dataKeys.map(({ id, key }) => ({ id, key: Uint8Array.from(key) })) };
}
