import { InvalidArgumentError, type Command } from 'commander';
import type { z } from 'zod';
import { WrongUse } from '../exit-code.ts';
import { usage } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { table } from '../terminal/table.ts';
import { day } from './day.ts';
import { inUnits } from './nano.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';

interface UsageOptions extends ReadOptions {
  readonly by: string;
  readonly since?: string;
  readonly until?: string;
  readonly project?: string;
  readonly key?: string;
  readonly model?: string;
}

const GROUPS = ['day', 'project', 'key', 'model'] as const;
type Row = z.infer<typeof usage>['data'][number];

export function addUsageCommand(program: Command): void {
  const command = reads(program.command('usage').description('what was used and what it cost (default: this month)'))
    .option('--by <groups>', `any of ${GROUPS.join(', ')}, with commas; none for one row`, groups, GROUPS.join(','))
    .option('--since <day>', 'first day (UTC), as 2026-01-31 (default: the first of the month of the last)', day)
    .option('--until <day>', 'last day, which is included (default: today)', day)
    .option('--project <id>', 'of one project')
    .option('--key <id>', 'of one key')
    .option('--model <name>', 'of one model');
  examples(command, ['sluice usage', 'sluice usage --by project,model --since 2026-01-01 --until 2026-01-31', 'sluice usage --by none --json']).action(async (options: UsageOptions) => {
    const { by, until, project, key, model } = options;
    const since = options.since ?? firstOfMonth(until);
    if (until !== undefined && until < since) throw new WrongUse(`--until ${until} lies before --since ${since}.`);
    const answer = await adminApi(options).get('/usage', usage, { group_by: by, since, until, project_id: project, key_id: key, model });
    printAnswer(options, answer, () => {
      if (answer.data.length === 0) return until === undefined ? `Nothing was used since ${since}.` : `Nothing was used from ${since} to ${until}.`;
      const named = GROUPS.filter((group) => by.split(',').includes(group));
      const hasOverrun = answer.data.some(({ overrun }) => overrun !== '0');
      const rows = answer.data.map((row: Row) => [...named.map((group) => row[group] ?? '-'), row.calls, row.input_tokens, row.cached_input_tokens, row.output_tokens, row.reasoning_tokens, inUnits(row.cost), ...(hasOverrun ? [inUnits(row.overrun)] : [])]);
      return table([...named.map((group) => group.toUpperCase()), 'CALLS', 'INPUT', 'CACHED', 'OUTPUT', 'REASONING', `COST (${answer.currency})`, ...(hasOverrun ? ['OVERRUN'] : [])], rows);
    });
  });
}

function groups(text: string): string {
  if (text === 'none') return '';
  const unknown = text.split(',').find((name) => !GROUPS.includes(name as (typeof GROUPS)[number]));
  if (unknown !== undefined) throw new InvalidArgumentError(`Give any of ${GROUPS.join(', ')} with commas, or none.`);
  return text;
}

/** Of a day, or of today. */
function firstOfMonth(day = new Date().toISOString()): string {
  return `${day.slice(0, 8)}01`;
}
