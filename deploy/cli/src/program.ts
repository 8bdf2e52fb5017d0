import { ConfigError } from '@sluice/config';
import { ServiceError } from '@sluice/errors';
import { Command, CommanderError } from 'commander';
import { addApplyCommands } from './commands/apply.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addBackupCommands } from './commands/backup.ts';
import { addBudgetCommands } from './commands/budget.ts';
import { addCertsCommand } from './commands/certs.ts';
import { addChatCommand } from './commands/chat.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addEventsCommands } from './commands/events.ts';
import { addFilterCommands } from './commands/filter.ts';
import { addKeyCommands } from './commands/key.ts';
import { addLedgerCommands } from './commands/ledger.ts';
import { addLimitCommands } from './commands/limit.ts';
import { addMeshCommands } from './commands/mesh.ts';
import { addModelCommands } from './commands/model.ts';
import { addParameterCommands } from './commands/parameter.ts';
import { addPriceCommands } from './commands/price.ts';
import { addProjectCommands } from './commands/project.ts';
import { addReconcileCommand } from './commands/reconcile.ts';
import { addServeCommand } from './commands/serve.ts';
import { addStackCommands } from './commands/stack.ts';
import { addTestCommand } from './commands/test.ts';
import { addUpCommand } from './commands/up.ts';
import { addUsageCommand } from './commands/usage.ts';
import { addWhoamiCommand } from './commands/whoami.ts';
import { explainErrno } from './data-folder/explain-errno.ts';
import { CommandFailed, EXIT, WrongUse } from './exit-code.ts';
import { namingOption } from './terminal/option-name.ts';
import { asTyped, typedCommand } from './terminal/typed-command.ts';

const HELP_CODES = new Set(['commander.helpDisplayed', 'commander.version']);
/** Commands that only hold others. */
const GROUPS = new Set(['model', 'key', 'project', 'limit', 'parameter', 'price', 'budget', 'ledger', 'filter', 'audit', 'stack', 'mesh', 'events', 'dead']);

/** The whole command line; nothing of a command's work is loaded before it is chosen. */
function makeProgram(): Command {
  const program = new Command(typedCommand());
  program
    .description('Sluice: the AI platform that an enterprise runs itself.')
    .version('0.1.0')
    .exitOverride()
    .addHelpText('after', `\nExamples:\n${['up', 'chat "Say hello"', 'audit list'].map((words) => `  $ ${typedCommand()} ${words}`).join('\n')}\n\nExit codes: 0 done, 1 failed, 2 wrong use; apply --dry-run: 3 for a difference.`);
  addUpCommand(program);
  addMeshCommands(program);
  addServeCommand(program);
  addCertsCommand(program);
  addChatCommand(program);
  addModelCommands(program);
  addKeyCommands(program);
  addProjectCommands(program);
  addWhoamiCommand(program);
  addLimitCommands(program);
  addParameterCommands(program);
  addPriceCommands(program);
  addBudgetCommands(program);
  addUsageCommand(program);
  addLedgerCommands(program);
  addFilterCommands(program);
  addAuditCommands(program);
  addReconcileCommand(program);
  addEventsCommands(program);
  addApplyCommands(program);
  addDoctorCommand(program);
  addBackupCommands(program);
  addStackCommands(program);
  addTestCommand(program);
  pointToHelp(program);
  return program;
}

/** Wrong use of a command is answered with where its own help is. */
function pointToHelp(command: Command): void {
  command.showHelpAfterError(`(${pathOf(command)} --help shows what there is)`);
  for (const below of command.commands) pointToHelp(below);
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** `help key create` means `key create --help`. Commander's own `help` looks at one word only, and shows all there is for a wrong one. */
function withPlainHelp(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => !GROUPS.has(word));
  return words[at] === 'help' ? [...words.toSpliced(at, 1), '--help'] : words;
}

/** Help for a command that does not exist is no help: without its flag the words are refused like any unknown command. */
function withoutVainHelp(program: Command, words: readonly string[]): readonly string[] {
  let command = program;
  for (const word of words.filter((one) => !one.startsWith('-'))) {
    if (command.commands.length === 0) return words;
    const below = command.commands.find((one) => one.name() === word);
    if (!below) return words.filter((one) => one !== '--help' && one !== '-h');
    command = below;
  }
  return words;
}

/** Runs one command line and says how the process should exit; says on standard error what went wrong. */
export async function run(words: readonly string[]): Promise<number> {
  let chosen: Command | undefined;
  try {
    const program = makeProgram().hook('preAction', (_, command) => void (chosen = command));
    await program.parseAsync(withoutVainHelp(program, withPlainHelp(words)), { from: 'user' });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    if (error instanceof CommanderError) return HELP_CODES.has(error.code) ? EXIT.done : EXIT.wrongUse;
    if (error instanceof CommandFailed) {
      const help = error instanceof WrongUse && chosen ? `(${pathOf(chosen)} --help shows what there is)\n` : '';
      const told = error.param === undefined ? error.message : namingOption(error.message, error.param, chosen);
      process.stderr.write(`sluice: ${asTyped(told)}\n${help}`);
      return error.exitCode;
    }
    if (error instanceof ConfigError) {
      process.stderr.write(`sluice: ${error.message}\nThey are environment variables, described in docs/settings.md. One that is unset or empty has its default.\n`);
      return EXIT.failed;
    }
    if (error instanceof ServiceError) {
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
