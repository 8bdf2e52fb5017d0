import type { Letter, LetterFilter, LetterPlace, LogOperations, OpenedLetter } from '@sluice/events';
import { CommandFailed } from '../exit-code.ts';
import { untilSettled } from './until-settled.ts';

/** What came of letters that were given to their consumers again. */
export interface Retried {
  readonly given: readonly LetterPlace[];
  /** Which failed again. */
  readonly failed: readonly Letter[];
  /** Which no consumer has taken up by now. */
  readonly waiting: readonly Letter[];
}

/** As programs get it. */
export function letterAnswer({ topic, consumer, position, key, code, attempts, failedAtMs, isWaiting }: Letter): Record<string, unknown> {
  return { object: 'dead_letter', topic, consumer, position: position.toString(), key, code, attempts, failed_at: new Date(failedAtMs).toISOString(), waiting: isWaiting };
}

/** Throws a CommandFailed where there is no such letter. */
export async function readLetter(log: LogOperations, place: LetterPlace): Promise<OpenedLetter> {
  const letter = await log.openLetter(place);
  if (!letter) throw new CommandFailed(`${place.consumer} has no dead letter at position ${place.position} of ${place.topic}. Those that there are shows: sluice events dead list`);
  return letter;
}

/** A letter with its message; one that cannot be read as its bytes in base64. */
export function openedAnswer(letter: OpenedLetter): Record<string, unknown> {
  const { type, message, payload } = letter;
  return { ...letterAnswer(letter), type: type ?? null, ...(message === undefined ? { payload_base64: Buffer.from(payload).toString('base64') } : { message }) };
}

/** Gives letters to their consumers again and waits a while for what comes of it. */
export async function retryLetters(log: LogOperations, filter: LetterFilter, waitMs: number, signal: AbortSignal): Promise<Retried> {
  const given = await log.tryLettersAgain(filter);
  if (given.length === 0) return { given, failed: [], waiting: [] };
  const left = await untilSettled(() => log.lettersAt(given), (letters) => !letters.some(({ isWaiting }) => isWaiting), waitMs, signal);
  return { given, failed: left.filter(({ isWaiting }) => !isWaiting), waiting: left.filter(({ isWaiting }) => isWaiting) };
}
