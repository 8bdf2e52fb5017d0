import type { ChaosReport, Trial } from './run-chaos.ts';

const seconds = (ms: number | undefined): string => (ms === undefined ? 'never' : (ms / 1000).toFixed(1));
/** Kept apart from what follows by two spaces. */
const GAP = 2;

/** A report as text for people. */
export function reportText(report: ChaosReport): string {
  const { trials, checks, wantedPerSecond, ratePerSecond, durationMs, due, skipped } = report;
  const trialRows = trials.map((trial) => [trial.ok ? 'ok' : 'FAILED', trial.fault, seconds(trial.firstAnswerMs), seconds(trial.allAnsweredMs), seconds(trial.readyMs), trial.serverBackMs === undefined ? '' : seconds(trial.serverBackMs), seconds(trial.limitMs), `${trial.failed} of ${trial.calls}`, String(trial.broken), failuresOf(trial)]);
  const checkRows = checks.map((one) => [one.ok ? 'ok' : 'FAILED', one.after, String(one.calls), String(one.receipts), String(one.ledgerItems), String(one.logged), String(one.abandoned), String(one.differences.length), String(one.faults.length), seconds(one.tookMs)]);
  const wrong = checks.flatMap((one) => [...one.faults.map((fault) => `${one.after}: ${fault}`), ...kindsOf(one.differences).map(([kind, count]) => `${one.after}: ${kind}: ${count} calls`)]);
  return [
    `${ratePerSecond} calls a second, of ${wantedPerSecond} that were wanted: what this machine carries. ${due} were due in ${seconds(durationMs)} s; ${skipped} of them were not sent, because too many were open.`,
    '',
    columns([['', 'fault', 'first answer, s', 'all answered, s', 'ready, s', 'server up, s', 'limit, s', 'failed', 'broken', 'how'], ...trialRows]),
    '',
    columns([['', 'compared after', 'calls', 'receipts', 'in the ledger', 'on Kafka', 'abandoned', 'differences', 'faults', 'took, s'], ...checkRows]),
    ...(wrong.length > 0 ? ['', ...wrong] : []),
    '',
    report.ok ? 'Everything held.' : 'NOT everything held.',
  ].join('\n');
}

function failuresOf({ failures }: Trial): string {
  return Object.entries(failures).toSorted(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`).join(', ');
}

function kindsOf(differences: readonly { readonly kind: string }[]): [string, number][] {
  return [...Map.groupBy(differences, ({ kind }) => kind)].map(([kind, of]) => [kind, of.length]);
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]! + GAP)).join('').trimEnd()).join('\n');
}
