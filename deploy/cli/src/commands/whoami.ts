import type { Command } from 'commander';
import { whoami } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';

export function addWhoamiCommand(program: Command): void {
  examples(reads(program.command('whoami').description('show the organisation, and whose admin key is used')), ['sluice whoami', 'sluice whoami --json']).action(async (options: ReadOptions) => {
    const api = adminApi(options);
    const answer = await api.get('/whoami', whoami);
    printAnswer(options, answer, () => [`organisation  ${answer.organisation_id}`, `key           ${answer.key_id}`, `role          ${answer.role}`, `platform      ${api.origin}`].join('\n'));
  });
}
