import type { Command } from 'commander';
import type { Restored } from '../data-folder/restore.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { typedCommand } from '../terminal/typed-command.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';

interface RestoreOptions extends ReadOptions {
  readonly force?: boolean;
}

export function addBackupCommands(program: Command): void {
  const backup = reads(program.command('backup').description('copy everything, keys included, to a new folder; the platform may run').argument('<dir>', "a new folder; on the platform's own machine where SLUICE_ADMIN_URL names one elsewhere"));
  examples(backup, ['sluice backup /mnt/backups/sluice-2026-11-22']).action(async (dir: string, options: ReadOptions) => {
    const { backUp } = await import('../data-folder/back-up.ts');
    const { directory, at } = await interruptible(async (signal) => backUp(dir, options.data, signal));
    const where = at === undefined ? directory : `${directory} on the machine of the platform at ${at}`;
    printAnswer(options, { object: 'backup', directory }, () => `The backup is in ${where}. It holds the keys: guard it like them.`);
  });

  const restore = reads(program.command('restore').description('make a data folder of a backup; the platform must not run').argument('<dir>', 'the backup'));
  examples(restore.option('--force', 'put it in the place of the data folder that is there; the old one is kept beside it, and the log is cut back to the backup: audit verify then needs --new-log'), ['sluice restore /mnt/backups/sluice-2026-11-22 --data ./data']).action(
    async (dir: string, options: RestoreOptions) => {
      const { restore: run } = await import('../data-folder/restore.ts');
      const restored = await interruptible(async (signal) => run(dir, options, signal));
      printAnswer(options, { object: 'restore', directory: restored.root, kept_as: restored.keptAs ?? null }, () => said(restored, options));
    },
  );
}

function said({ root, keptAs }: Restored, { data }: RestoreOptions): string {
  const kept = `What was there is now ${keptAs}.\nThe log ends where the backup was made. Where a later end of it was verified before, say once that this is meant: ${typedCommand()} audit verify --new-log`;
  return [`Restored to ${root}.${keptAs ? ` ${kept}` : ''}`, `Start it with: ${typedCommand()} up${data ? ` --data ${data}` : ''}`].join('\n');
}
