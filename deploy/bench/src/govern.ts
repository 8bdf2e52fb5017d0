/** The admin API of a platform. */
export interface AdminApi {
  readonly adminUrl: string;
  readonly adminKey: string;
}

const KEYWORDS = 1000;
const PII_TYPES = ['email', 'phone', 'cn_id', 'bank_card', 'credit_card', 'iban', 'ip', 'uscc'];
/** So much that nothing of a run comes near it. */
const PLENTY = 1_000_000_000;
const PLENTY_NANO = '900000000000000000';
const SYLLABLES = ['ka', 'mo', 'ri', 'tse', 'lun', 'qua', 'pex', 'dor', 'vis', 'zul'];

/** Sets what an owner can set: limits, budgets at three levels, a price, a list of keywords, every kind of personal data. */
export async function govern(house: AdminApi, model: string): Promise<void> {
  const { organisation_id: organisation } = await send<{ organisation_id: string }>(house, 'GET', '/whoami');
  const [project] = (await send<{ data: { id: string }[] }>(house, 'GET', '/projects')).data;
  const keys = (await send<{ data: { id: string; kind: string }[] }>(house, 'GET', '/keys')).data;
  const key = keys.find(({ kind }) => kind === 'inference');
  await send(house, 'PUT', `/prices/${model}`, { input_nano: 150, output_nano: 600 });
  for (const [level, id] of [['organisation', organisation], ['project', project!.id], ['key', key!.id]]) {
    await send(house, 'PUT', '/budgets', { level, id, amount: PLENTY_NANO, period: 'month' });
    await send(house, 'PUT', '/limits', { level, id, requests_per_minute: PLENTY, tokens_per_minute: PLENTY, concurrent_requests: PLENTY, requests_per_day: PLENTY });
  }
  await send(house, 'POST', '/filter/rules', { kind: 'word', patterns: keywords(), action: 'block' });
  for (const type of PII_TYPES) await send(house, 'POST', '/filter/rules', { kind: `pii:${type}`, action: 'mask' });
}

/** Words as long as real ones, of which none stands in what the load says. */
function keywords(): string[] {
  return Array.from({ length: KEYWORDS }, (_, index) => [...String(index).padStart(3, '0')].map((digit) => SYLLABLES[Number(digit)]).join(''));
}

/** One request to it; throws with what it said when it refuses. */
export async function send<T>({ adminUrl, adminKey }: AdminApi, method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${adminUrl}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
