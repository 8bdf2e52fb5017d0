import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const LINES = 20;

/** What every process last said of something that went wrong, and every server of anything: for who sees a run fail on another machine. */
export function lastWords(folder: string): string {
  return [...of(join(folder, 'data', 'logs'), /"level":"(warn|error|fatal)"/), ...of(join(folder, 'stack', 'logs'), /./)].join('\n');
}

function of(logs: string, told: RegExp): string[] {
  return readdirSync(logs).toSorted().flatMap((name) => {
    const lines = readFileSync(join(logs, name), 'utf8').split('\n').filter((line) => told.test(line));
    return lines.slice(-LINES).map((line) => `${name} | ${line}`);
  });
}
