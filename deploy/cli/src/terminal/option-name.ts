import type { Command } from 'commander';

/** Parameters of the admin API, and the options that their values are typed behind. */
const OPTIONS: Readonly<Record<string, string>> = {
  amount: '--amount', amount_nano: '--amount', period: '--period',
  input_nano: '--input', output_nano: '--output', cached_input_nano: '--cached-input', reasoning_nano: '--reasoning',
  requests_per_minute: '--rpm', tokens_per_minute: '--tpm', concurrent_requests: '--concurrent', requests_per_day: '--rpd',
  project_id: '--project', key_id: '--key', model: '--model', models: '--model', expires_at: '--expires', expires_at_ms: '--expires', role: '--admin', body_policy: '--bodies',
  group_by: '--by', since: '--since', since_day: '--since', until: '--until', until_day: '--until', status: '--status', limit: '--limit',
  min: '--min', max: '--max', default: '--default', on_violation: '--on-violation', out_of_bounds: '--on-violation',
  kind: '--kind', action: '--action', direction: '--direction', title: '--title',
  'openai.base_url': '--openai', 'openai.upstream_model': '--upstream-model', 'openai.credential': '--key-stdin',
};

/** Where the ids are that some options take. */
const LISTS: Readonly<Record<string, string>> = { 'There is no such project.': 'project list', 'There is no such key.': 'key list' };

/** A refusal of the platform in the words of who typed the command: what was typed has a name there that nobody here has seen. */
export function namingOption(message: string, param: string, command: Command | undefined): string {
  const optionOf = (name: string): string | undefined => command?.options.find(({ long }) => long === OPTIONS[name])?.long;
  const option = optionOf(param);
  if (option === undefined) return message;
  const [first = '', ...rest] = message.split('\n');
  const named = first.replaceAll(/`([a-z_.]+)`|'([a-z_.]+)'/g, (quoted, one?: string, other?: string) => optionOf(one ?? other ?? '') ?? quoted);
  const list = rest.length === 0 && LISTS[first] !== undefined ? [`Give its id: sluice ${LISTS[first]}`] : [];
  return [named.includes(option) ? named : `${named} (${option})`, ...rest, ...list].join('\n');
}
