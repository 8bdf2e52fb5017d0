import { ServiceError } from '@sluice/errors';
import { CHANNEL } from './contract-numbers.ts';
import { Hits } from './hits.ts';
import { TRY_TEXT_LIMIT_UNITS } from './limits.ts';
import type { HitHash, Policy, PolicyRule, TextDirection } from './policy.ts';
import { lookAt } from './whole-text.ts';

export interface Tried {
  /** What would leave. */
  readonly text: string;
  readonly action: PolicyRule['action'] | undefined;
  readonly hits: Hits;
  /** The title of the rule that blocks. */
  readonly title: string;
}

const STRICTNESS = { block: 3, mask: 2, flag: 1 } as const;

/** What a policy does with a text in these directions; of several, the strictest outcome. Yields between stretches of the text. */
export function* tryText(policy: Policy, organisationId: string, hash: HitHash, text: string, directions: readonly TextDirection[]): Generator<void, Tried> {
  if (text.length > TRY_TEXT_LIMIT_UNITS) throw new ServiceError('invalid_value', `The text is longer than ${TRY_TEXT_LIMIT_UNITS} characters.`, { param: 'text' });
  const hits = new Hits(policy, organisationId, hash);
  let strictest: Tried = { text, action: undefined, hits, title: '' };
  for (const direction of directions) {
    const { text: left, matches, blockedBy } = yield* lookAt(policy.open(direction), text);
    hits.add(matches, direction, { channel: CHANNEL.content, index: 0 });
    const blocking = blockedBy === undefined ? undefined : policy.rule(blockedBy);
    const masks = matches.some(({ rule }) => policy.rule(rule).action === 'mask');
    const action = blocking?.action ?? (masks ? 'mask' : matches.length > 0 ? 'flag' : undefined);
    if (action && (!strictest.action || STRICTNESS[action] > STRICTNESS[strictest.action])) strictest = { text: left, action, hits, title: blocking?.title ?? '' };
  }
  return strictest;
}
