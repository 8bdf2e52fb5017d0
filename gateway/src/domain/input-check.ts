import { ServiceError } from '@sluice/errors';
import type { InputVerdict } from '@sluice/proto/content_filter/v1/content_filter';
import type { FilterVerdict } from '@sluice/proto/events/v1/calls';
import type { Call, Principal } from './call.ts';
import { CallRefusal } from './call-refusal.ts';
import type { FilterTalk } from './ports.ts';

/** The numbers of `content_filter.v1.Action`; the domain does not load generated code. */
export const ACTION = { none: 0, block: 1, mask: 2, flag: 3 } as const;

/** An input that may go to the model. */
export interface CheckedInput {
  /** As the model may get it. */
  readonly call: Call;
  /** Undefined when there is no rule. */
  readonly verdict: FilterVerdict | undefined;
  readonly filtersOutput: boolean;
}

/** Asks the filter about what is about to go into a model. Throws `content_policy_violation` when a rule blocks it. */
export async function checkInput(talk: FilterTalk, asked: { readonly callId: string; readonly principal: Principal; readonly call: Call }): Promise<CheckedInput> {
  const found = await talk.input(asked);
  const verdict = verdictOf(found);
  if (found.action === ACTION.block) throw blocked(asked.call, found, verdict);
  return { call: found.action === ACTION.mask ? masked(asked.call, found) : asked.call, verdict, filtersOutput: found.filtersOutput };
}

/** Messages and parameters as the filter gives them; how it is answered stays the client's. */
function masked(call: Call, { call: given }: InputVerdict): Call {
  if (!given) throw new ServiceError('content_filter_unavailable', 'The content filter masked a call and did not give it back.');
  return { ...call, messages: given.messages, fields: given.fields, ...(call.tensors && { tensors: given.tensors }) };
}

/** What other rules mask in a blocked prompt is masked on record too; the words that blocked it stay there. */
function blocked(asked: Call, found: InputVerdict, inputVerdict: FilterVerdict | undefined): CallRefusal {
  const { ruleId, ruleTitle, policyVersion } = found;
  const error = new ServiceError('content_policy_violation', `Your request was blocked by a rule of your organisation: ${ruleTitle}.`, { param: asked.tensors ? 'inputs' : 'messages' });
  return new CallRefusal(error, { inputVerdict, refusedBy: { case: 'rule', value: { ruleId, ruleTitle, policyVersion } }, ...(found.call ? { call: masked(asked, found) } : {}) });
}

function verdictOf({ policyVersion, action, hits, hitCount }: InputVerdict): FilterVerdict | undefined {
  if (policyVersion === 0n && action === ACTION.none) return undefined;
  return { $typeName: 'events.v1.FilterVerdict', policyVersion, action, hits, hitCount };
}
