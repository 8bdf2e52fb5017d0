import { Option, type Command } from 'commander';
import { budget, listOf } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { table } from '../terminal/table.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { inUnits, nanoAmount } from './nano.ts';
import { examples, print, printAnswer, reads, type ReadOptions } from './output.ts';
import { ofSubject, subjectOf, type SubjectOptions } from './subject.ts';

interface SetOptions extends SubjectOptions {
  readonly amount: string;
  readonly period: string;
}

export function addBudgetCommands(program: Command): void {
  const group = program.command('budget').description('what an organisation, a project or a key may spend: set, show, remove');

  const set = ofSubject(reads(group.command('set').description('set a budget; it counts what was spent in its period before. A call that runs is stopped at its next extension, where the budget affords no more: what it has used by then counts, and may stand above the amount')))
    .requiredOption('--amount <nano>', 'nano-units (10^-9 of the currency)', nanoAmount)
    .addOption(new Option('--period <period>', 'calendar day or month (UTC), or none: it counts what is settled after none was first set there (a call that ends in that moment may count), goes on where it stood when another period was set meanwhile, and begins anew only after budget remove').choices(['day', 'month', 'none']).makeOptionMandatory());
  examples(set, ['sluice budget set --organisation --amount 100000000000 --period month', 'sluice budget set --key key_01jd... --amount 2500000000 --period day']).action(async (options: SetOptions) => {
    const { level, id } = await subjectOf(options);
    const answer = await adminApi(options).send('PUT', '/budgets', budget, { level, id, amount: options.amount, period: options.period });
    printAnswer(options, answer, () => `${level} ${answer.id}: ${inUnits(answer.amount)} ${answer.currency}${periodText(answer.period)}; spent ${inUnits(answer.spent)}, held ${inUnits(answer.held)}`);
  });

  examples(reads(group.command('show').description('show the budgets, what is spent of them and what running calls hold')), ['sluice budget show', 'sluice budget show --json']).action(async (options: ReadOptions) => {
    const { data } = await adminApi(options).get('/budgets', listOf(budget));
    if (options.json) return print(JSON.stringify(data, undefined, 2));
    if (data.length === 0) return print(asTyped('There is no budget: nothing limits what may be spent. Set one with: sluice budget set --organisation --amount NANO --period month'));
    const rows = data.map((row) => [row.level, row.id, row.period, row.period_start ?? '-', ...[row.amount, row.spent, row.held, row.overrun].map(inUnits), row.currency]);
    return print(table(['LEVEL', 'ID', 'PERIOD', 'SINCE', 'AMOUNT', 'SPENT', 'HELD', 'OVERRUN', 'CURRENCY'], rows));
  });

  examples(ofSubject(reads(group.command('remove').description('remove a budget: nothing limits that level any more; one without a period (none) that is set later begins anew'))), ['sluice budget remove --project proj_01jd...']).action(async (options: SubjectOptions) => {
    const { level, id } = await subjectOf(options);
    const answer = await adminApi(options).send('DELETE', `/budgets?${new URLSearchParams({ level, id })}`, budget);
    printAnswer(options, answer, () => `removed the budget of ${level} ${answer.id}`);
  });
}

function periodText(period: string): string {
  return period === 'none' ? ', period none' : ` a ${period}`;
}
