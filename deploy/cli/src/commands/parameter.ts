import { InvalidArgumentError, Option, type Command } from 'commander';
import { WrongUse } from '../exit-code.ts';
import { listOf, parameterRule, type ParameterRule } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { table } from '../terminal/table.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';

interface SetOptions extends ReadOptions {
  readonly project?: string;
  readonly model?: string;
  readonly min?: number;
  readonly max?: number;
  readonly default?: number;
  readonly onViolation?: string;
}

const NAMES = ['temperature', 'top_p', 'max_tokens', 'n', 'presence_penalty', 'frequency_penalty'];

export function addParameterCommands(program: Command): void {
  const group = program.command('parameter').description('bounds and defaults of the parameters of requests: set, list, remove');

  const set = reads(group.command('set').description('set the rule for a parameter; it replaces the one for the same project and model. The rule for a project and a model comes before the one for the project, that before the one for the model').argument('<name>', `one of ${NAMES.join(', ')} (max_tokens is also max_completion_tokens)`, parameterName))
    .option('--project <id>', 'only for this project (default: every project)')
    .option('--model <name>', 'only for this model, by whatever alias (default: every model)')
    .option('--min <x>', 'smallest value', decimal)
    .option('--max <x>', 'largest value; of max_tokens also what is sent when a request has none', decimal)
    .option('--default <x>', 'sent to the model when a request has none', decimal)
    .addOption(new Option('--on-violation <what>', 'what a value out of bounds leads to: the nearest value within, or a refusal (default: refuse)').choices(['clip', 'refuse']));
  examples(set, ['sluice parameter set max_tokens --max 2048 --on-violation clip', 'sluice parameter set temperature --project proj_01jd... --max 1 --default 0.3', 'sluice parameter set n --model gpt-4o --max 1']).action(setRule);

  examples(reads(group.command('list').description('list the rules')), ['sluice parameter list', 'sluice parameter list --json']).action(async (options: ReadOptions) => {
    const answer = await adminApi(options).get('/parameter-rules', listOf(parameterRule));
    const rows = answer.data.map((row) => [row.id, row.parameter, row.project_id ?? '(every)', row.model ?? '(every)', ...[row.min, row.max, row.default].map((value) => (value === null ? '-' : String(value))), row.on_violation]);
    printAnswer(options, answer, () =>
      rows.length === 0
        ? asTyped('No parameter has a rule: requests are passed on as they are. Set one with: sluice parameter set max_tokens --max N')
        : table(['ID', 'PARAMETER', 'PROJECT', 'MODEL', 'MIN', 'MAX', 'DEFAULT', 'ON VIOLATION'], rows),
    );
  });

  examples(reads(group.command('remove').description('remove a rule').argument('<id>', 'id of the rule')), ['sluice parameter remove prule_01jd...']).action(async (id: string, options: ReadOptions) => {
    const answer = await adminApi(options).send('DELETE', `/parameter-rules/${encodeURIComponent(id)}`, parameterRule);
    printAnswer(options, answer, () => `removed ${answer.id}: ${summary(answer)}`);
  });
}

async function setRule(name: string, options: SetOptions): Promise<void> {
  const { project, model, min, max, default: value, onViolation } = options;
  if ([min, max, value].every((bound) => bound === undefined)) throw new WrongUse('Give at least one of --min, --max and --default.');
  const body = { parameter: name, project_id: project, model, min, max, default: value, on_violation: onViolation };
  const answer = await adminApi(options).send('PUT', '/parameter-rules', parameterRule, body);
  printAnswer(options, answer, () => `${answer.id}: ${summary(answer)}`);
}

function summary({ parameter, min, max, default: value, on_violation, model, project_id }: ParameterRule): string {
  const said = [
    ...(min === null ? [] : [`at least ${min}`]),
    ...(max === null ? [] : [`at most ${max}`]),
    ...(min === null && max === null ? [] : [on_violation === 'clip' ? 'else clipped' : 'else refused']),
    ...(value === null ? [] : [`${value} where none is given`]),
  ];
  return `${parameter} for ${model ?? 'every model'} in ${project_id ?? 'every project'}: ${said.join(', ')}`;
}

function parameterName(text: string): string {
  if (text === 'max_completion_tokens') return 'max_tokens';
  if (!NAMES.includes(text)) throw new InvalidArgumentError(`There is a rule for ${NAMES.join(', ')} only.`);
  return text;
}

function decimal(text: string): number {
  if (!/^-?\d{1,10}(\.\d{1,10})?$/.test(text)) throw new InvalidArgumentError('Give a number, as 0.5 or 2048, with at most 10 digits on either side of the point.');
  return Number(text);
}
