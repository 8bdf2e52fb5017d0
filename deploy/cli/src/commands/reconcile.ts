import { InvalidArgumentError, type Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { adminApi } from '../platform-api/connection.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { table } from '../terminal/table.ts';
import { moment } from './moment.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';
import { seconds } from './seconds.ts';

interface ReconcileCommandOptions extends ReadOptions {
  readonly since?: string;
  readonly until?: string;
  readonly receipts?: string;
  readonly kafka?: readonly string[];
  readonly wait: number;
}

const WAIT_SECONDS = 30;

export function addReconcileCommand(program: Command): void {
  const command = reads(program.command('reconcile').description('compare what clients had, the audit, the ledger and the event log on Kafka, call by call; ends with 1 and prints each difference'))
    .option('--since <time>', 'calls that began since this moment (default: the first receipt, else a day ago)', moment)
    .option('--until <time>', 'calls that began before this moment (default: now)', moment)
    .option('--receipts <file>', 'what clients had, a JSON object a line: {"id","status","content","whole"}')
    .option('--kafka <brokers>', 'compare the event log on Kafka too, as far back as it goes: host:port, with commas between them', brokers)
    .option('--wait <seconds>', 'how long audit and ledger may need to catch up', seconds, WAIT_SECONDS);
  examples(command, ['sluice reconcile', 'sluice reconcile --since 2026-11-01 --until 2026-12-01', 'sluice reconcile --receipts ./receipts.jsonl --json', 'sluice reconcile --kafka 127.0.0.1:19092']).action(async (options: ReconcileCommandOptions) => {
    const { reconcile } = await import('../reconcile/reconcile.ts');
    const { readReceipts } = await import('../reconcile/receipts.ts');
    const { KINDS } = await import('../reconcile/compare.ts');
    const receipts = options.receipts === undefined ? undefined : await readReceipts(options.receipts);
    const answer = await interruptible(async (signal) => reconcile(adminApi(options), { since: options.since, until: options.until, receipts, brokers: options.kafka, waitMs: options.wait * 1000, signal }));
    if (!answer.ok) process.exitCode = EXIT.failed;
    printAnswer(options, answer, () => {
      const compared = `Compared from ${answer.since} to ${answer.until}: ${answer.calls} calls on record, ${answer.ledger_items} in the ledger${answer.receipts === null ? '' : `, ${answer.receipts} receipts of clients`}${answer.logged === null ? '' : `, ${answer.logged} calls on Kafka`}.`;
      const without = answer.logged_since === null ? [] : [`The event log on Kafka begins at ${answer.logged_since}: calls that began before were compared without it.`];
      if (answer.ok) return [compared, ...without, 'No difference.'].join('\n');
      const rows = answer.differences.map(({ call_id, kind, detail }) => [call_id, KINDS[kind as keyof typeof KINDS], detail]);
      const laws = answer.faults.map(({ law, detail }) => `ledger: ${law}: ${detail}`);
      return [compared, ...without, `${answer.differences.length + answer.faults.length} DIFFERENCES`, ...(rows.length > 0 ? [table(['CALL', 'WHAT', 'DETAIL'], rows)] : []), ...laws].join('\n');
    });
  });
}

function brokers(text: string): string[] {
  const addresses = text.split(',').map((one) => one.trim());
  if (!addresses.every((one) => /^\S+:\d{1,5}$/.test(one))) throw new InvalidArgumentError('Give host:port, with commas between them.');
  return addresses;
}
