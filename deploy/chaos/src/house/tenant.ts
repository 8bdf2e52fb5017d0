import { eventually } from './eventually.ts';
import { DOUBLING } from './model-repository.ts';
import type { Platform } from './platform.ts';
import { UNWANTED } from '../load/answer-text.ts';

/** A language model of an upstream of OpenAI's API, and one of tensors on Triton. */
export const MODELS = { chat: 'chaos', tensors: 'doubled' };
const INPUT_NANO = 10;
const OUTPUT_NANO = 1_000;
const TENSORS_NANO = 500;
/** Nothing of a run comes near it, and everything is counted against it. */
const PLENTY_NANO = '900000000000000000';
const PLENTY_A_MINUTE = 1_000_000_000;
/** About so many answers are left to the poor key each time: it meets its end within seconds. */
const POOR_NANO = 600_000;
const KNOWN_LIMIT_MS = 30_000;

/** The project of a run: models with prices, a key whose budget never ends, and one whose budget always does. */
export interface Tenant {
  readonly keys: { readonly rich: string; readonly poor: string };
  /** Gives the poor key money for some more answers. */
  refill(): Promise<void>;
}

/** Where the models of a run are served, behind the proxies. */
export interface ModelServers {
  readonly openaiUrl: string;
  readonly tritonAddress: string;
}

export async function makeTenant(platform: Platform, { openaiUrl, tritonAddress }: ModelServers): Promise<Tenant> {
  await platform.admin('POST', '/models', { name: MODELS.chat, openai: { base_url: `${openaiUrl}/v1`, upstream_model: MODELS.chat } });
  await platform.admin('POST', '/models', { name: MODELS.tensors, kserve: { address: tritonAddress, upstream_model: DOUBLING, managed: true } });
  await platform.admin('PUT', `/prices/${MODELS.chat}`, { input_nano: INPUT_NANO, output_nano: OUTPUT_NANO });
  await platform.admin('PUT', `/prices/${MODELS.tensors}`, { input_nano: TENSORS_NANO, output_nano: 0 });
  const project = await platform.admin<{ id: string }>('POST', '/projects', { name: 'chaos', body_policy: 'sent' });
  const [rich, poor] = [await makeKey(platform, project.id, 'rich'), await makeKey(platform, project.id, 'poor')];
  await platform.admin('PUT', '/budgets', { level: 'key', id: rich.id, amount: PLENTY_NANO, period: 'month' });
  await platform.admin('PUT', '/limits', { level: 'key', id: rich.id, requests_per_minute: PLENTY_A_MINUTE, tokens_per_minute: PLENTY_A_MINUTE, concurrent_requests: PLENTY_A_MINUTE });
  await platform.admin('POST', '/filter/rules', { kind: 'word', patterns: [UNWANTED], action: 'mask', direction: 'out', project_id: project.id, title: 'unwanted' });
  let amount = 0;
  const refill = async (): Promise<void> => {
    amount += POOR_NANO;
    await platform.admin('PUT', '/budgets', { level: 'key', id: poor.id, amount: String(amount), period: 'month' });
  };
  await refill();
  await eventually('an answer to the new keys', KNOWN_LIMIT_MS, async () => (await Promise.all([rich, poor].map(({ secret }) => answers(platform, secret)))).every(Boolean));
  return { keys: { rich: rich.secret, poor: poor.secret }, refill };
}

async function makeKey(platform: Platform, projectId: string, name: string): Promise<{ id: string; secret: string }> {
  return platform.admin('POST', '/keys', { name, project_id: projectId });
}

/** Several times: behind the one door there is more than one process. */
async function answers({ ready }: Platform, key: string): Promise<boolean> {
  for (let time = 0; time < 8; time++) {
    const answer = await fetch(`${ready.url}/v1/models`, { headers: { authorization: `Bearer ${key}`, connection: 'close' } });
    const { data } = (await answer.json()) as { data?: { id: string }[] };
    if (!data?.some(({ id }) => id === MODELS.chat)) return false;
  }
  return true;
}
