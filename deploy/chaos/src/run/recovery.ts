import { isFine, type CallOutcome } from '../load/load-messages.ts';

/** What clients saw of one fault. Times in milliseconds since it began, or ended, as the fault counts. */
export interface Recovery {
  /** Calls that were sent meanwhile, and those of them that were not answered as promised. */
  readonly calls: number;
  readonly failed: number;
  /** Of the calls that were open when it began, those that broke. */
  readonly broken: number;
  /** How often each thing went wrong. */
  readonly failures: Readonly<Record<string, number>>;
  /** Until the first answer to a call that was sent after it began. */
  readonly firstAnswerMs: number | undefined;
  /** Until the moment from which every call that was sent was answered; undefined where that never came. */
  readonly allAnsweredMs: number | undefined;
}

/** When a fault began, from when its time counts, and when the next one began; without a next one, for ever. */
export interface Stretch {
  readonly beganMs: number;
  readonly countedMs: number;
  readonly endedMs: number;
}

/** Between two pieces of an answer lies less: a call that heard something so shortly before a fault was well until then. */
const WELL_UNTIL_MS = 1_000;
/** A platform that answers this many calls in a row since its last failure has recovered. */
const FINE_IN_A_ROW = 20;

export function recoveryOf(outcomes: readonly CallOutcome[], { beganMs, countedMs, endedMs }: Stretch): Recovery {
  const isBrokenBy = (outcome: CallOutcome, faultMs: number): boolean => outcome.sentMs < faultMs && outcome.endedMs >= faultMs && outcome.heardMs >= faultMs - WELL_UNTIL_MS && !isFine(outcome);
  const during = outcomes.filter((outcome) => outcome.sentMs >= beganMs && outcome.sentMs < endedMs && !isBrokenBy(outcome, endedMs)).toSorted((a, b) => a.sentMs - b.sentMs);
  const failed = during.filter((outcome) => !isFine(outcome));
  const broken = outcomes.filter((outcome) => isBrokenBy(outcome, beganMs));
  const failures: Record<string, number> = {};
  for (const { result } of [...broken, ...failed]) failures[result] = (failures[result] ?? 0) + 1;
  const first = during.filter(isFine).reduce<number | undefined>((least, outcome) => Math.min(least ?? Number.POSITIVE_INFINITY, outcome.endedMs), undefined);
  const lastFailedMs = failed.at(-1)?.sentMs;
  const fineSince = during.filter(({ sentMs }) => sentMs > (lastFailedMs ?? -1)).length;
  return {
    calls: during.length, failed: failed.length, broken: broken.length, failures,
    firstAnswerMs: first === undefined ? undefined : Math.max(0, first - countedMs),
    allAnsweredMs: fineSince < FINE_IN_A_ROW ? undefined : Math.max(0, (lastFailedMs ?? countedMs) - countedMs),
  };
}
