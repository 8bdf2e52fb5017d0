import { InvalidArgumentError, Option, type Command } from 'commander';
import type { z } from 'zod';
import { WrongUse } from '../exit-code.ts';
import { key, listOf, newKey, project, revokedKey } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { printableLine } from '../terminal/printable.ts';
import { table } from '../terminal/table.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';

interface CreateOptions extends ReadOptions {
  readonly project?: string;
  readonly model?: string[];
  readonly expires?: string;
  readonly admin?: string;
}

const ROLES = ['owner', 'member', 'auditor'];

export function addKeyCommands(program: Command): void {
  const group = program.command('key').description('API keys: create, list, revoke');

  const create = reads(group.command('create').description('create a key; its secret is shown this once').argument('<name>', 'what the key is for'))
    .option('--project <id>', 'project of an inference key (default: the one named default, or else the oldest)')
    .option('--model <name>', 'a model or alias that the key may use, which must be there; repeat it for more (default: every model)', (name: string, before: string[] = []) => [...before, name])
    .option('--expires <when>', 'a date (2027-01-31) or a time from now (12h, 90d)', expiry)
    .addOption(new Option('--admin <role>', 'make an admin key with this role instead of an inference key').choices(ROLES));
  examples(create, ['sluice key create billing-bot --expires 90d', 'sluice key create reviewer --admin auditor', 'sluice key create app --model smollm2-135m-instruct --json']).action(createKey);

  examples(reads(group.command('list').description('list the keys (never their secrets)')), ['sluice key list']).action(async (options: ReadOptions) => {
    const answer = await adminApi(options).get('/keys', listOf(key));
    const rows = answer.data.map((row) => ({ ...row, state: stateOf(row) }));
    printAnswer(options, { ...answer, data: rows }, () =>
      table(
        ['ID', 'NAME', 'KIND', 'PREFIX', 'MODELS', 'EXPIRES', 'STATE'],
        rows.map((row) => [
          row.id, row.name, row.role ? `${row.kind}:${row.role}` : row.kind, row.prefix, row.models.join(',') || '(every)', row.expires_at ?? '-', row.state,
        ]),
      ),
    );
  });

  examples(reads(group.command('revoke').description('revoke a key: new calls are refused within a second; an answer that is being streamed runs to its end').argument('<id>', 'id of the key')), [
    'sluice key revoke key_01jd...',
  ]).action(async (id: string, options: ReadOptions) => {
    const answer = await adminApi(options).send('DELETE', `/keys/${encodeURIComponent(id)}`, revokedKey);
    const who = `${answer.id} (${printableLine(answer.name)})`;
    printAnswer(options, answer, () => (answer.was_revoked ? `${who} was revoked already, at ${answer.revoked_at}; nothing was changed` : `revoked ${who}`));
  });
}

function stateOf({ revoked_at: revokedAt, expires_at: expiresAt }: z.infer<typeof key>): 'active' | 'expired' | 'revoked' {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now() ? 'expired' : 'active';
}

/** The project of a key for which none was given; says which where there is a choice. Undefined leaves it to the platform. */
async function usualProject(options: ReadOptions): Promise<string | undefined> {
  const { data } = await adminApi(options).get('/projects', listOf(project));
  const oldest = data.toSorted((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at))[0];
  const usual = data.find(({ name }) => name === 'default') ?? oldest;
  if (usual && data.length > 1) process.stderr.write(`The key is for the project ${printableLine(usual.name)} (${usual.id}); --project names another.\n`);
  return usual?.id;
}

async function createKey(name: string, options: CreateOptions): Promise<void> {
  if (options.admin && (options.project ?? options.model)) throw new WrongUse('--admin makes a key of the organisation: it takes neither --project nor --model.');
  const projectId = options.admin ? undefined : (options.project ?? (await usualProject(options)));
  const body = {
    name,
    ...(options.admin ? { kind: 'admin', role: options.admin } : { kind: 'inference' }),
    ...(projectId && { project_id: projectId }),
    ...(options.model && { models: options.model }),
    ...(options.expires && { expires_at: options.expires }),
  };
  const answer = await adminApi(options).send('POST', '/keys', newKey, body);
  printAnswer(options, answer, () => `${answer.secret}\n\nid ${answer.id}. Keep the key: it is not shown again.`);
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** An ISO date or time, or a time from now, as ISO 8601. */
function expiry(text: string): string {
  const relative = /^(\d{1,6})([mhd])$/.exec(text);
  const date = relative ? new Date(Date.now() + Number(relative[1]) * UNIT_MS[relative[2]!]!) : new Date(/^\d{4}-\d{2}-\d{2}/.test(text) ? text : NaN);
  if (Number.isNaN(date.getTime())) throw new InvalidArgumentError('Give a date (2027-01-31) or a time from now (12h, 90d).');
  if (date.getTime() <= Date.now()) throw new InvalidArgumentError('That is in the past.');
  return date.toISOString();
}
