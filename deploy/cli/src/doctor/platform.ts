import { backend, listOf, models, whoami, type Model } from '../platform-api/answers.ts';
import { Unable, type HttpApi } from '../platform-api/http-api.ts';
import { CommandFailed } from '../exit-code.ts';
import { Findings, type Finding } from './finding.ts';
import { askReadiness, saidOf, unreadReason } from './readiness.ts';

/** What the target of a model of the platform's own engine is called. */
const LOCAL_ENGINE = 'local';

/** A running platform: what its parts say of themselves, the key in use, and the backends of its models. */
export async function lookAtPlatform(url: string | undefined, admin: () => HttpApi): Promise<readonly Finding[]> {
  const found = new Findings('platform');
  if (url === undefined) {
    found.ok('running', 'no platform runs with this data folder');
    return found.all;
  }
  if (await lookAtReadiness(found, url)) await lookAtModels(found, admin);
  return found.all;
}

/** False when nobody answers. */
async function lookAtReadiness(found: Findings, url: string): Promise<boolean> {
  try {
    const { isReady, status, checks } = await askReadiness(url);
    if (status === 'ok') found.ok('running', `${url}, ready`);
    else if (isReady) found.warn('running', `${url}: ${status}`, 'see the parts below');
    else found.wrong('running', `${url}: ${status}; it takes no calls`, 'see the parts below, and its log');
    for (const [name, part] of Object.entries(checks)) {
      const says = saidOf(part);
      if (part.status === 'ok') found.ok(name, says);
      else if (part.status === 'down') found.wrong(name, says, 'see the log of the platform; the README of the part says what it needs');
      else found.warn(name, says, 'it serves meanwhile; see its log if it lasts');
    }
    return true;
  } catch (error) {
    found.wrong('running', `${url} does not answer as a platform (${unreadReason(error)})`, 'start it with sluice up, or correct SLUICE_URL');
    return false;
  }
}

async function lookAtModels(found: Findings, admin: () => HttpApi): Promise<void> {
  try {
    const api = admin();
    const { role } = await api.get('/whoami', whoami);
    found.ok('admin key', role);
    const [known, backends] = await Promise.all([api.get('/models', models), api.get('/backends', listOf(backend))]);
    const health = new Map(backends.data.map((row) => [row.deployment_id, row]));
    for (const model of known.data) {
      for (const one of model.deployments.filter(({ state: condition }) => condition === 'active')) {
        const row = health.get(one.id);
        const name = `model ${model.name} at ${one.target}`;
        if (row?.healthy) found.ok(name, 'healthy');
        else found.wrong(name, row ? (row.reason ?? 'unhealthy') : 'no router has met it yet', mendOf(model.name, one, row?.reason));
      }
    }
    if (known.data.length === 0) found.warn('models', 'there is none', 'add one: sluice model add');
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const mend = error instanceof Unable ? 'see what else is wrong here, and the log of the platform; ask again when that is mended' : 'correct SLUICE_ADMIN_URL and SLUICE_ADMIN_KEY, or give the folder of the platform with --data';
    found.wrong('admin API', error.message.split('\n')[0]!, mend);
  }
}

/** A server of models that answers, and has the model not loaded, need not be started. */
function mendOf(name: string, { protocol, target, upstream_model }: Model['deployments'][number], reason: string | null | undefined): string {
  const isLoading = protocol === 'kserve' && target !== LOCAL_ENGINE && /is not ready at its server/.test(reason ?? '');
  const mend = isLoading ? `load it there, as this does, too: sluice model add ${name} --kserve ${target} --upstream-model ${upstream_model} --load; or` : 'start its server, or';
  return `${mend} take the model out: sluice model remove ${name}`;
}
