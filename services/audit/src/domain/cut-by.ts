/** Who cut an answer: a rule of the content filter, or a budget; empty when nobody did. */
export type CutBy = 'rule' | 'budget' | '';

/** The reason with which a choice ends that was filtered; backends that filter themselves give it too. */
const FILTERED_REASON = 'content_filter';

/** What the record of an end says of it (`events.v1.CallCompleted`). */
export interface Cut {
  readonly finishReasons: readonly string[];
  readonly stoppedBy: string;
  /** A rule of the house blocked some of the output: without that, the filter was the backend's. */
  readonly isBlocked: boolean;
}

/** Where a rule cut one choice and a budget another, the rule counts: what it withheld, no larger budget brings back. */
export function cutBy({ finishReasons, stoppedBy, isBlocked }: Cut): CutBy {
  if (isBlocked && finishReasons.includes(FILTERED_REASON)) return 'rule';
  return stoppedBy === 'budget' ? 'budget' : '';
}
