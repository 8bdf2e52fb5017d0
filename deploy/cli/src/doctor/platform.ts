import { z } from 'zod';
import { backend, listOf, models, whoami } from '../platform-api/answers.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { CommandFailed } from '../exit-code.ts';
import { Findings, reasonOf, type Finding } from './finding.ts';

const ANSWER_LIMIT_MS = 5_000;
const state = z.looseObject({ status: z.string(), detail: z.string().optional() });
const readiness = state.extend({ checks: z.record(z.string(), state).default({}) });

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
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS), redirect: 'error' });
    const { status, checks } = readiness.parse(await response.json());
    if (status === 'ok') found.ok('running', `${url}, ready`);
    else if (response.ok) found.warn('running', `${url}: ${status}`, 'see the parts below');
    else found.wrong('running', `${url}: ${status}; it takes no calls`, 'see the parts below, and its log');
    for (const [name, part] of Object.entries(checks)) {
      const says = [part.status, ...(part.detail === undefined ? [] : [part.detail])].join(': ');
      if (part.status === 'ok') found.ok(name, says);
      else if (part.status === 'down') found.wrong(name, says, 'see the log of the platform; the README of the part says what it needs');
      else found.warn(name, says, 'it serves meanwhile; see its log if it lasts');
    }
    return true;
  } catch (error) {
    const said = error instanceof Error && error.cause !== undefined ? error.cause : error;
    found.wrong('running', `${url} does not answer as a platform (${said instanceof z.ZodError ? 'another program listens there' : reasonOf(said)})`, 'start it with sluice up, or correct SLUICE_URL');
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
        else found.wrong(name, row ? (row.reason ?? 'unhealthy') : 'no router has met it yet', 'start its server, or take the model out: sluice model remove');
      }
    }
    if (known.data.length === 0) found.warn('models', 'there is none', 'add one: sluice model add');
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    found.wrong('admin API', error.message.split('\n')[0]!, 'correct SLUICE_ADMIN_URL and SLUICE_ADMIN_KEY, or give the folder of the platform with --data');
  }
}
