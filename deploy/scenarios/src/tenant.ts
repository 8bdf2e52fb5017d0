import { expect } from '@jest/globals';
import { admin, eventually, type House } from './house.ts';
import { ask } from './ask.ts';

/** A project with one key, so that what a scenario sets holds for nobody else. */
export interface Tenant {
  readonly projectId: string;
  readonly keyId: string;
  readonly key: string;
}

/** Makes one; resolves when every door knows its key. */
export async function makeTenant(house: House, name: string, bodyPolicy: 'sent' | 'original_and_sent' | 'digest' = 'sent'): Promise<Tenant> {
  const project = await admin<{ id: string }>(house, 'POST', '/projects', { name: `${name} ${Date.now()}`, body_policy: bodyPolicy });
  expect(project.status).toBe(201);
  const key = await admin<{ id: string; secret: string }>(house, 'POST', '/keys', { name, project_id: project.body.id });
  expect(key.status).toBe(201);
  await eventually(async () => {
    const answers = await Promise.all(house.doors.map((door) => fetch(`${door}/v1/models`, { headers: { authorization: `Bearer ${key.body.secret}` } })));
    return answers.every(({ status }) => status === 200);
  });
  return { projectId: project.body.id, keyId: key.body.id, key: key.body.secret };
}

/** Runs `sluice ... --json` and gives what it printed. */
export async function sluiceJson<T = Record<string, unknown>>(house: House, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await house.command(...args, '--json');
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

/** What is set holds within a second; asks until a call is answered as it should be, at every door. */
export function becomesSo(house: House, tenant: Tenant, request: object, looks: (answer: Awaited<ReturnType<typeof ask>>) => boolean): Promise<Awaited<ReturnType<typeof ask>>> {
  return eventually(async () => {
    let last: Awaited<ReturnType<typeof ask>> | undefined;
    for (const door of house.doors) {
      last = await ask(house, request, { key: tenant.key, door });
      if (!looks(last)) return false;
    }
    return last;
  });
}

/** Sets limits of the tenant's key, beside so many requests a minute that nothing comes near them: their number in the headers shows that every door knows them. */
export async function limitKey(house: House, tenant: Tenant, request: object, plenty: number, ...options: string[]): Promise<void> {
  await sluiceJson(house, 'limit', 'set', '--key', tenant.keyId, '--rpm', String(plenty), ...options);
  await becomesSo(house, tenant, request, ({ headers }) => headers.get('x-ratelimit-limit-requests') === String(plenty));
}
