import { ConfigError } from '@sluice/config';
import { ServiceError } from '@sluice/errors';
import { Command, CommanderError } from 'commander';
import { addAuditCommands } from './commands/audit.ts';
import { addBackupCommands } from './commands/backup.ts';
import { addChatCommand } from './commands/chat.ts';
import { addKeyCommands } from './commands/key.ts';
import { addModelCommands } from './commands/model.ts';
import { addProjectCommands } from './commands/project.ts';
import { addTestCommand } from './commands/test.ts';
import { addUpCommand } from './commands/up.ts';
import { explainErrno } from './data-folder/explain-errno.ts';
import { CommandFailed, EXIT } from './exit-code.ts';

const HELP_CODES = new Set(['commander.helpDisplayed', 'commander.version']);

/** The whole command line; nothing of a command's work is loaded before it is chosen. */
function makeProgram(): Command {
  const program = new Command('sluice');
  program
    .description('Sluice: the AI platform that an enterprise runs itself.')
    .version('0.1.0')
    .exitOverride()
    .showHelpAfterError('(sluice help shows what there is)')
    .addHelpText('after', '\nExamples:\n  $ sluice up\n  $ sluice chat "Say hello"\n  $ sluice audit list\n\nExit codes: 0 done, 1 failed, 2 wrong use.');
  addUpCommand(program);
  addChatCommand(program);
  addModelCommands(program);
  addKeyCommands(program);
  addProjectCommands(program);
  addAuditCommands(program);
  addBackupCommands(program);
  addTestCommand(program);
  return program;
}

/** Runs one command line and says how the process should exit; says on standard error what went wrong. */
export async function run(words: readonly string[]): Promise<number> {
  try {
    await makeProgram().parseAsync(words, { from: 'user' });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    if (error instanceof CommanderError) return HELP_CODES.has(error.code) || isAskedHelp(error, words) ? EXIT.done : EXIT.wrongUse;
    if (error instanceof CommandFailed) {
      process.stderr.write(`sluice: ${error.message}\n`);
      return error.exitCode;
    }
    if (error instanceof ConfigError || error instanceof ServiceError) {
      process.stderr.write(`sluice: ${error.message}\n`);
      return EXIT.failed;
    }
    const refused = explainErrno(error, 'A file', 'Give another path.');
    if (refused !== undefined) {
      process.stderr.write(`sluice: ${refused}\n`);
      return EXIT.failed;
    }
    process.stderr.write(`sluice: unexpected error\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return EXIT.failed;
  }
}

/** `sluice help` and `sluice key help` end with the same code as a missing command does. */
function isAskedHelp(error: CommanderError, words: readonly string[]): boolean {
  return error.code === 'commander.help' && words.includes('help');
}
