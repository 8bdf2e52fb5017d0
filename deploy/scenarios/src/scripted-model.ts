import { afterAll, beforeAll, expect } from '@jest/globals';
import { ScriptedUpstream } from '@sluice/testkit';
import { admin, eventually, type House } from './house.ts';

export const MODEL = 'scripted';
export const MESSAGES = [{ role: 'user' as const, content: 'What is the answer?' }];

/** Registers the upstream under a model name; resolves with its deployment when a router serves this deployment and every door knows the name. */
export async function addModel(house: House, upstream: ScriptedUpstream, name = MODEL, more: object = {}): Promise<string> {
  const made = await admin<{ deployments: { id: string }[] }>(house, 'POST', '/models', { name, openai: { base_url: upstream.baseUrl, upstream_model: 'scripted', ...more } });
  expect(made).toMatchObject({ status: 201 });
  const added = made.body.deployments[0]!.id;
  await eventually(async () => {
    const { body } = await admin<{ data: { healthy: boolean; deployment_id: string }[] }>(house, 'GET', '/backends');
    return body.data.some((backend) => backend.deployment_id === added && backend.healthy);
  });
  await eventually(async () => (await statuses(house, name)).every((status) => status === 200));
  return added;
}

/** Takes a model away; resolves when no door knows the name any more, so that the next model of this name is another one everywhere. */
export async function removeModel(house: House, name = MODEL): Promise<void> {
  expect(await admin(house, 'DELETE', `/models/${name}`)).toMatchObject({ status: 200 });
  await eventually(async () => (await statuses(house, name)).every((status) => status === 404));
}

/** A scripted backend behind `MODEL` while a group of scenarios runs. */
export function scriptedModel(at: () => House): () => ScriptedUpstream {
  let upstream: ScriptedUpstream;
  beforeAll(async () => {
    upstream = await ScriptedUpstream.start();
    await addModel(at(), upstream);
  });
  afterAll(async () => {
    try {
      await removeModel(at());
    } finally {
      // Also where the house never came up: an open server would keep the tests from ending.
      await upstream[Symbol.asyncDispose]();
    }
  });
  return () => upstream;
}

function statuses(house: House, name: string): Promise<number[]> {
  return Promise.all(house.doors.map(async (door) => {
    const answer = await fetch(`${door}/v1/models/${name}`, { headers: { authorization: `Bearer ${house.apiKey}` } });
    await answer.text();
    return answer.status;
  }));
}
