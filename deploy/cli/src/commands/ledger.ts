import type { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { ledgerCheck } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { inUnits } from './nano.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';

export function addLedgerCommands(program: Command): void {
  const group = program.command('ledger').description('the double-entry ledger: check');

  const check = reads(group.command('check').description('prove that the ledger balances, that no call was billed twice and no budget overspent; ends with 1 when a law does not hold'));
  examples(check, ['sluice ledger check', 'sluice ledger check --json']).action(async (options: ReadOptions) => {
    const answer = await adminApi(options).get('/ledger/check', ledgerCheck);
    if (!answer.ok) process.exitCode = EXIT.failed;
    printAnswer(options, answer, () => {
      const what = `${answer.calls} calls in ${answer.transactions} transactions of ${answer.entries} entries; billed ${inUnits(answer.billed)} ${answer.currency}${answer.overrun === '0' ? '' : `, overrun ${inUnits(answer.overrun)}`}, held ${inUnits(answer.held)}`;
      if (answer.ok) return `the ledger balances: ${what}`;
      return ['THE LEDGER DOES NOT BALANCE', what, ...answer.faults.map(({ law, detail }) => `${law}: ${detail}`)].join('\n');
    });
  });
}
