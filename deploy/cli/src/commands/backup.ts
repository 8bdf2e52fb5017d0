import type { Command } from 'commander';
import { typedCommand } from '../terminal/typed-command.ts';
import { examples, print, talks } from './output.ts';

interface RestoreOptions {
  readonly data?: string;
  readonly force?: boolean;
}

export function addBackupCommands(program: Command): void {
  const backup = talks(program.command('backup').description('copy everything, keys included, to a new folder; the platform may run').argument('<dir>', 'a new folder'));
  examples(backup, ['sluice backup /mnt/backups/sluice-2026-11-22']).action(async (dir: string, options: RestoreOptions) => {
    const { backUp } = await import('../data-folder/back-up.ts');
    print(`The backup is in ${await backUp(dir, options.data)}. It holds the keys: guard it like them.`);
  });

  const restore = talks(program.command('restore').description('make a data folder of a backup; the platform must not run').argument('<dir>', 'the backup'));
  examples(restore.option('--force', 'put it in the place of the data folder that is there; the old one is kept beside it, and the log is cut back to the backup: audit verify then needs --new-log'), ['sluice restore /mnt/backups/sluice-2026-11-22 --data ./data']).action(
    async (dir: string, options: RestoreOptions) => {
      const { restore: run } = await import('../data-folder/restore.ts');
      const { root, keptAs } = await run(dir, options);
      print(`Restored to ${root}.${keptAs ? ` What was there is now ${keptAs}.\nThe log ends where the backup was made. Where a later end of it was verified before, say once that this is meant: ${typedCommand()} audit verify --new-log` : ''}\nStart it with: ${typedCommand()} up${options.data ? ` --data ${options.data}` : ''}`);
    },
  );
}
