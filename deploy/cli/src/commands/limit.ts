import { InvalidArgumentError, type Command } from 'commander';
import { WrongUse } from '../exit-code.ts';
import { limits, listOf, type Limits } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { table } from '../terminal/table.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';
import { ofSubject, subjectOf, type SubjectOptions } from './subject.ts';

interface SetOptions extends SubjectOptions {
  readonly rpm?: number;
  readonly tpm?: number;
  readonly concurrent?: number;
  readonly rpd?: number;
}

/** As much the platform takes. */
const MAX_LIMIT = 1_000_000_000_000;

export function addLimitCommands(program: Command): void {
  const group = program.command('limit').description('how much an organisation, a project or a key may ask for: set, list, remove');

  const set = ofSubject(reads(group.command('set').description('set limits; they hold from the next second on. What is not given stays as it is, 0 removes it')))
    .option('--rpm <n>', 'requests in any 60 seconds', count)
    .option('--tpm <n>', 'tokens in any 60 seconds, of input and output together', count)
    .option('--concurrent <n>', 'requests that run at once', count)
    .option('--rpd <n>', 'requests in any 24 hours', count);
  examples(set, ['sluice limit set --key key_01jd... --rpm 60 --tpm 40000', 'sluice limit set --project proj_01jd... --concurrent 20', 'sluice limit set --organisation --rpd 100000 --rpm 0']).action(async (options: SetOptions) => {
    const { rpm, tpm, concurrent, rpd } = options;
    if ([rpm, tpm, concurrent, rpd].every((limit) => limit === undefined)) throw new WrongUse('Give at least one of --rpm, --tpm, --concurrent and --rpd.');
    await put(options, { requests_per_minute: rpm, tokens_per_minute: tpm, concurrent_requests: concurrent, requests_per_day: rpd });
  });

  examples(reads(group.command('list').description('list all limits')), ['sluice limit list', 'sluice limit list --json']).action(async (options: ReadOptions) => {
    const answer = await adminApi(options).get('/limits', listOf(limits));
    const rows = answer.data.map((row) => [row.level, row.id, ...numbers(row).map((limit) => (limit === null ? '-' : String(limit)))]);
    printAnswer(options, answer, () =>
      rows.length === 0
        ? asTyped('Nothing is limited. Set limits with: sluice limit set --organisation --rpm N')
        : table(['LEVEL', 'ID', 'REQUESTS/MIN', 'TOKENS/MIN', 'CONCURRENT', 'REQUESTS/DAY'], rows),
    );
  });

  examples(ofSubject(reads(group.command('remove').description('remove all limits of an organisation, a project or a key'))), ['sluice limit remove --key key_01jd...']).action(
    async (options: SubjectOptions) => put(options, { requests_per_minute: 0, tokens_per_minute: 0, concurrent_requests: 0, requests_per_day: 0 }),
  );
}

async function put(options: SubjectOptions, given: Readonly<Record<string, number | undefined>>): Promise<void> {
  const { level, id } = await subjectOf(options);
  const answer = await adminApi(options).send('PUT', '/limits', limits, { level, id, ...given });
  printAnswer(options, answer, () => `${answer.level} ${answer.id}: ${summary(answer)}`);
}

function numbers(row: Limits): (number | null)[] {
  return [row.requests_per_minute, row.tokens_per_minute, row.concurrent_requests, row.requests_per_day];
}

const UNITS = ['requests a minute', 'tokens a minute', 'requests at once', 'requests a day'];

function summary(row: Limits): string {
  const set = numbers(row).flatMap((limit, at) => (limit === null ? [] : [`${limit} ${UNITS[at]}`]));
  return set.length === 0 ? 'no limits' : set.join(', ');
}

function count(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit > MAX_LIMIT) throw new InvalidArgumentError(`Give a whole number of at most ${MAX_LIMIT}; 0 removes the limit.`);
  return limit;
}
