import { InvalidArgumentError, type Command } from 'commander';
import type { LogPlace } from '../events/log-database.ts';
import { EXIT, WrongUse } from '../exit-code.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { printableLine } from '../terminal/printable.ts';
import { moment as shownMoment, table } from '../terminal/table.ts';
import { moment } from './moment.ts';
import { examples, folderPath, print, printAnswer, reads, talks, type ReadOptions } from './output.ts';
import { seconds } from './seconds.ts';

interface LogOptions extends ReadOptions, LogPlace {}

interface FilterOptions extends LogOptions {
  readonly topic?: string;
  readonly consumer?: string;
}

interface WaitOptions {
  readonly wait: number;
}

interface ReplayOptions extends LogOptions, WaitOptions {
  readonly consumer: string;
  readonly since: string;
  readonly yes?: true;
}

const WAIT_SECONDS = 10;

export function addEventsCommands(program: Command): void {
  const events = program.command('events').description('the event log, on the machine of the platform: records that could not be handled, and handling records again');
  const dead = events.command('dead').description('records that a consumer could not handle');
  addDeadList(dead);
  addDeadShow(dead);
  addDeadReplay(dead);
  addReplay(events);
  addAdopt(events);
}

function addDeadList(dead: Command): void {
  const list = filters(onLog(dead.command('list').description('list them, the oldest failure first; at most 1000')));
  examples(list, ['sluice events dead list', 'sluice events dead list --consumer billing --json']).action(async (options: FilterOptions) => {
    const { withLog } = await import('../events/log-database.ts');
    const { letterAnswer } = await import('../events/dead-letters.ts');
    const letters = await withLog(options, async (log) => log.listLetters(options));
    printAnswer(options, { object: 'list', data: letters.map(letterAnswer) }, () => {
      if (letters.length === 0) return 'There are no dead letters.';
      const rows = letters.map(({ topic, consumer, position, key, code, attempts, failedAtMs }) => [topic, consumer, position.toString(), key, code, String(attempts), shownMoment(failedAtMs)]);
      return table(['TOPIC', 'CONSUMER', 'POSITION', 'KEY', 'CODE', 'ATTEMPTS', 'FAILED AT'], rows);
    });
  });
}

function addDeadShow(dead: Command): void {
  const show = onLog(dead.command('show').description('show one with its message, as JSON').argument('<topic>').argument('<consumer>').argument('<position>', 'its place in the topic', position), false);
  examples(show, ['sluice events dead show call.abandoned billing 17']).action(async (topic: string, consumer: string, at: bigint, options: LogOptions) => {
    const { withLog } = await import('../events/log-database.ts');
    const { openedAnswer, readLetter } = await import('../events/dead-letters.ts');
    print(JSON.stringify(openedAnswer(await withLog(options, async (log) => readLetter(log, { topic, consumer, position: at }))), undefined, 2));
  });
}

function addDeadReplay(dead: Command): void {
  const replay = waits(filters(onLog(dead.command('replay').description('give them to their consumers once more, each in a transaction of its own; ends with 1 when one failed again or was not taken up'))));
  examples(replay, ['sluice events dead replay', 'sluice events dead replay --topic call.abandoned --consumer billing']).action(async (options: FilterOptions & WaitOptions) => {
    const { withLog } = await import('../events/log-database.ts');
    const { letterAnswer, retryLetters } = await import('../events/dead-letters.ts');
    const { given, failed, waiting } = await interruptible(async (signal) => withLog(options, async (log) => retryLetters(log, options, options.wait * 1000, signal)));
    if (failed.length + waiting.length > 0) process.exitCode = EXIT.failed;
    const handled = given.length - failed.length - waiting.length;
    printAnswer(options, { object: 'dead_letter_replay', given: given.length, handled, failed: failed.map(letterAnswer), waiting: waiting.map(letterAnswer) }, () => [
      given.length === 0 ? 'There are no dead letters to replay.' : `${given.length} given to their consumers again: ${handled} handled, ${failed.length} failed again, ${waiting.length} not taken up.`,
      ...failed.map(({ topic, consumer, position: at, code, attempts }) => printableLine(`failed again: ${topic} ${consumer} ${at}: ${code}, attempt ${attempts}`)),
      ...(waiting.length > 0 ? ['What was not taken up is tried when its consumer runs and comes to it.'] : []),
    ].join('\n'));
  });
}

function addReplay(events: Command): void {
  const replay = waits(onLog(events.command('replay').description('let a consumer handle again what was published on a topic since a moment').argument('<topic>')))
    .requiredOption('--consumer <name>', 'who handles it again; one whose effects bear that')
    .requiredOption('--since <time>', 'records that were published at this moment or later; on Kafka a few older ones come too', moment)
    .option('--yes', 'do not ask');
  examples(replay, ['sluice events replay call.abandoned --consumer billing --since 2026-11-20']).action(async (topic: string, options: ReplayOptions) => {
    const { withLog } = await import('../events/log-database.ts');
    const { checkReplay, replayTopic } = await import('../events/replay-topic.ts');
    checkReplay(topic, options.consumer);
    if (!options.yes) await agree(`Let ${options.consumer} handle ${topic} since ${options.since} again?`);
    const { from, records, handled, letters } = await interruptible(async (signal) => withLog(options, async (log) => replayTopic(log, { topic, ...options }, options.wait * 1000, signal)));
    const answer = { object: 'replay', topic, consumer: options.consumer, since: options.since, from_position: from.toString(), records: records.toString(), handled: handled.toString(), dead_letters_removed: letters };
    printAnswer(options, answer, () => [
      records === 0n ? `Nothing was published on ${topic} since then: ${options.consumer} stays where it is.` : `${options.consumer} handles ${records} records of ${topic} again, from position ${from}; ${handled} are done.`,
      ...(letters > 0 ? [`${letters} dead letters went, because their records come again.`] : []),
      ...(handled < records ? [`The others follow when ${options.consumer} runs and comes to them.`] : []),
    ].join('\n'));
  });
}

function addAdopt(events: Command): void {
  const adopt = reads(events.command('adopt').description('tie the database to the Kafka cluster that is there, after one of the two was lost or restored; refused while a process of the platform runs'))
    .option('--stack <dir>', 'data folder of the stack of a mesh (default: DATABASE_URL and KAFKA_BROKERS)', folderPath)
    .option('--yes', 'do not ask');
  examples(adopt, ['sluice events adopt', 'sluice events adopt --stack ./stack --yes']).action(async ({ yes, ...options }: LogOptions & { readonly yes?: true }) => {
    const { adopt: work, adoptionAnswer, adoptionText, pairOf } = await import('../events/adopt.ts');
    const pair = await pairOf(options.stack);
    if (!yes) await agree(`Is every process of the platform stopped, and is the cluster at ${pair.kafka.brokers.join(', ')} the one to go on with?`);
    const adoption = await work(pair);
    printAnswer(options, adoptionAnswer(adoption), () => adoptionText(adoption));
  });
}

/** An answer that is always JSON has no option for it. */
function onLog(command: Command, choosesJson = true): Command {
  const talking = choosesJson ? reads(command) : talks(command);
  return talking.option('--stack <dir>', 'data folder of the stack of a mesh (default: DATABASE_URL, else the platform in the data folder)', folderPath);
}

function filters(command: Command): Command {
  return command.option('--topic <name>', 'only of this topic').option('--consumer <name>', 'only of this consumer');
}

function waits(command: Command): Command {
  return command.option('--wait <seconds>', 'how long to wait for what comes of it', seconds, WAIT_SECONDS);
}

async function agree(question: string): Promise<void> {
  if (!process.stdin.isTTY) throw new WrongUse('This asks on a terminal; without one give --yes.');
  const { isAgreed } = await import('../terminal/is-agreed.ts');
  if (!(await isAgreed(question))) throw new WrongUse('Nothing was done.');
}

function position(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) throw new InvalidArgumentError('Give the number that the list shows.');
  return BigInt(text);
}
