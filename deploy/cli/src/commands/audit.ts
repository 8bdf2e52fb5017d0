import { InvalidArgumentError, Option, type Command } from 'commander';
import { statusWords } from '../audit/call-status.ts';
import type { VerifyOptions } from '../audit/log-source.ts';
import { call, listOf, recordedCall, type Call } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { table } from '../terminal/table.ts';
import { moment } from './moment.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';

interface ListOptions extends ReadOptions {
  readonly limit: number;
  readonly status?: string;
  readonly model?: string;
  readonly key?: string;
  readonly project?: string;
  readonly since?: string;
  readonly until?: string;
}

const MAX_PAGE = 100;
const MAX_CALLS = 10_000;
const STATUSES = ['running', 'answered', 'disconnected', 'failed', 'abandoned', 'refused'];

export function addAuditCommands(program: Command): void {
  const group = program.command('audit').description('the record of every call, and its proof');

  const list = reads(group.command('list').description('list calls, newest first'))
    .option('--limit <n>', 'how many', count, 20)
    .addOption(new Option('--status <status>', 'only calls with this end').choices(STATUSES))
    .option('--model <name>', 'only calls of this model')
    .option('--key <id>', 'only calls of this key')
    .option('--project <id>', 'only calls of this project')
    .option('--since <time>', 'only calls since this moment (2026-11-01, 2026-11-01T08:00Z)', moment)
    .option('--until <time>', 'only calls before this moment', moment);
  examples(list, ['sluice audit list', 'sluice audit list --status failed --since 2026-11-01 --json']).action(listCalls);

  examples(reads(group.command('show').description('show a call: all that was asked and answered').argument('<id>', 'id of the call (with or without chatcmpl-)')), [
    'sluice audit show 019ab3c4d5e67890a1b2c3d4e5f60718',
  ]).action(async (id: string, options: ReadOptions) => {
    const answer = await adminApi(options).get(`/audit/calls/${encodeURIComponent(id)}`, recordedCall);
    const { conversation } = await import('../audit/recorded-conversation.ts');
    printAnswer(options, answer, () => conversation(answer));
  });

  const verify = reads(group.command('verify').description('prove the whole log from the outside, or one call').argument('[id]', 'also check the proof of this call'));
  verify
    .option('--new-log', 'trust this log although another key, or a later end of it, was seen here before: it was set up anew, or cut back by a restored backup')
    .option('--own-history', 'hold the log only against what was seen at its own place (data folder or address): for a restored copy that runs beside the original');
  examples(verify, ['sluice audit verify', 'sluice audit verify --data /srv/drill --own-history', 'sluice audit verify 019ab3c4d5e67890a1b2c3d4e5f60718']).action(
    async (id: string | undefined, options: VerifyOptions) => (await import('../audit/verify.ts')).verify(id, options),
  );

  const out = reads(group.command('export').description('write the verified log as static files that other verifiers read (C2SP tlog-tiles)').argument('<dir>', 'a new folder'));
  out.option('--own-history', 'hold the log only against what was seen at its own place: for a restored copy that runs beside the original');
  examples(out, ['sluice audit export ./log-of-november']).action(async (dir: string, options: VerifyOptions) => {
    const { exportLog } = await import('../audit/export.ts');
    const exported = await interruptible(async (signal) => exportLog(dir, options, signal));
    printAnswer(options, { object: 'audit.export', ...exported }, () => `wrote ${exported.size} entries in ${exported.files} files to ${dir}`);
  });
}

async function listCalls(options: ListOptions): Promise<void> {
  const api = adminApi(options);
  const filter = { status: options.status, model: options.model, key_id: options.key, project_id: options.project, since: options.since, until: options.until };
  const calls: Call[] = [];
  let hasMore = true;
  while (hasMore && calls.length < options.limit) {
    const limit = Math.min(MAX_PAGE, options.limit - calls.length);
    const page = await api.get('/audit/calls', listOf(call), { ...filter, limit, after: calls.at(-1)?.id });
    calls.push(...page.data);
    hasMore = page.has_more && page.data.length > 0;
  }
  printAnswer(options, { object: 'list', data: calls, has_more: hasMore }, () =>
    calls.length === 0 ? 'No calls.' : table(['ID', 'ADMITTED', 'MODEL', 'STATUS', 'TOKENS', 'MS', 'LEAF'], calls.map(row)),
  );
}

function row(given: Call): string[] {
  const { id, admitted_at, model, usage, duration_ms, leaf_index } = given;
  const [status, ...why] = statusWords(given);
  const tokens = usage ? `${usage.input_tokens}+${usage.output_tokens}${usage.estimated ? '~' : ''}` : '-';
  return [id, admitted_at ?? '-', model, why.length > 0 ? `${status} (${why.join(', ')})` : status!, tokens, String(duration_ms ?? '-'), String(leaf_index ?? '-')];
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > MAX_CALLS) throw new InvalidArgumentError(`Give a number from 1 to ${MAX_CALLS}.`);
  return value;
}
