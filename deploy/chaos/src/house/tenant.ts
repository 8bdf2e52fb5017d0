import { eventually } from './eventually.ts';
import type { Platform } from './platform.ts';

export const MODEL = 'chaos';
const INPUT_NANO = 10;
const OUTPUT_NANO = 1_000;
/** Nothing of a run comes near it, and everything is counted against it. */
const PLENTY_NANO = '900000000000000000';
const PLENTY_A_MINUTE = 1_000_000_000;
/** About so many answers are left to the poor key each time: it meets its end within seconds. */
const POOR_NANO = 600_000;
const KNOWN_LIMIT_MS = 30_000;

/** The project of a run: a model with a price, a key whose budget never ends, and one whose budget always does. */
export interface Tenant {
  readonly keys: { readonly rich: string; readonly poor: string };
  /** Gives the poor key money for some more answers. */
  refill(): Promise<void>;
}

export async function makeTenant(platform: Platform, upstreamUrl: string): Promise<Tenant> {
  await platform.admin('POST', '/models', { name: MODEL, openai: { base_url: `${upstreamUrl}/v1`, upstream_model: MODEL } });
  await platform.admin('PUT', `/prices/${MODEL}`, { input_nano: INPUT_NANO, output_nano: OUTPUT_NANO });
  const project = await platform.admin<{ id: string }>('POST', '/projects', { name: 'chaos', body_policy: 'sent' });
  const [rich, poor] = [await makeKey(platform, project.id, 'rich'), await makeKey(platform, project.id, 'poor')];
  await platform.admin('PUT', '/budgets', { level: 'key', id: rich.id, amount: PLENTY_NANO, period: 'month' });
  await platform.admin('PUT', '/limits', { level: 'key', id: rich.id, requests_per_minute: PLENTY_A_MINUTE, tokens_per_minute: PLENTY_A_MINUTE, concurrent_requests: PLENTY_A_MINUTE });
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
    if (!data?.some(({ id }) => id === MODEL)) return false;
  }
  return true;
}
