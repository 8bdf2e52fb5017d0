import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CallAdmittedSchema, CallCompletedSchema, CallRefusedSchema, FilterVerdictSchema, ParameterChangeSchema } from '@sluice/proto/events/v1/calls';
import type { BudgetRefusalSchema, HoldSchema, PriceSchema } from '@sluice/proto/billing/v1/billing';
import type { HitSchema } from '@sluice/proto/content_filter/v1/content_filter';

type Admitted = Pick<MessageInitShape<typeof CallAdmittedSchema>, 'modelName' | 'hold' | 'inputVerdict' | 'parameters'>;
type Completed = Pick<MessageInitShape<typeof CallCompletedSchema>, 'hold' | 'costNano' | 'overrunNano' | 'stoppedBy' | 'outputVerdict'>;
type Refused = Pick<MessageInitShape<typeof CallRefusedSchema>, 'refusedBy' | 'inputVerdict' | 'parameters'>;

const ACTIONS = ['none', 'block', 'mask', 'flag', 'allow'];
const DIRECTIONS = ['none', 'in', 'out', 'both'];
const CHANNELS = ['none', 'content', 'reasoning', 'refusal', 'tool_arguments', 'function_arguments'];
const LEVELS = ['none', 'organisation', 'project', 'key'];

/**
 * What rules on parameters, money and content did to a call; its leaf commits to exactly this. Readers see it so, but for the cost, of which
 * they are shown the part that is billed: `cost_nano` without `overrun_nano`. Amounts are in nano-units, as strings, because they go beyond what a number of JSON holds exactly.
 */
export function governedView(admitted: Admitted, completed: Completed): object {
  const { hold, price } = admitted.hold ?? {};
  return {
    model_name: admitted.modelName || null,
    price: price?.id ? priceView(price) : null,
    hold: holdView(completed.hold ?? hold),
    cost_nano: String(completed.costNano ?? 0n),
    overrun_nano: String(completed.overrunNano ?? 0n),
    stopped_by: completed.stoppedBy || null,
    input: verdictView(admitted.inputVerdict),
    output: verdictView(completed.outputVerdict),
    ...parametersView(admitted.parameters),
  };
}

/** What refused a call, where it was a limit, a budget or a rule, and what of it was changed before; its leaf commits to exactly this. */
export function refusedView({ refusedBy, inputVerdict, parameters }: Refused): object {
  return { by: refusedBy?.case === undefined ? null : refusedByView(refusedBy), input: verdictView(inputVerdict), ...parametersView(parameters) };
}

/** A hold; null when there is none. */
export function holdView(hold: MessageInitShape<typeof HoldSchema> | undefined): object | null {
  return hold ? { amount_nano: String(hold.amountNano ?? 0n), limited: hold.limited ?? false, output_tokens: Number(hold.outputTokens ?? 0n) } : null;
}

/** A member only where something was changed: the leaves of calls from before changes were recorded commit to a view without it. */
function parametersView(changes: readonly MessageInitShape<typeof ParameterChangeSchema>[] = []): object {
  return changes.length === 0 ? {} : { parameters: changes.map(changeView) };
}

function changeView({ parameter = '', askedJson = '', sentJson = '', ruleId = '' }: MessageInitShape<typeof ParameterChangeSchema>): object {
  return { name: parameter, asked: askedJson === '' ? null : Number(askedJson), sent: Number(sentJson), rule_id: ruleId || null };
}

function priceView({ id = '', model = '', currency = '', inputNano = 0n, cachedInputNano = 0n, outputNano = 0n, reasoningNano = 0n }: MessageInitShape<typeof PriceSchema>): object {
  return { id, model, currency, input_nano: String(inputNano), cached_input_nano: String(cachedInputNano), output_nano: String(outputNano), reasoning_nano: String(reasoningNano) };
}

function verdictView(verdict: MessageInitShape<typeof FilterVerdictSchema> | undefined): object | null {
  if (!verdict) return null;
  return { policy_version: Number(verdict.policyVersion ?? 0n), action: ACTIONS[verdict.action ?? 0] ?? 'none', hit_count: verdict.hitCount ?? 0, hits: (verdict.hits ?? []).map(hitView) };
}

function hitView({ ruleId = '', kind = '', action = 0, direction = 0, channel = 0, index = 0, start = 0n, end = 0n, textHash }: MessageInitShape<typeof HitSchema>): object {
  return {
    rule_id: ruleId, kind, action: ACTIONS[action] ?? 'none', direction: DIRECTIONS[direction] ?? 'none', channel: CHANNELS[channel] ?? 'none',
    index, start: Number(start), end: Number(end), text_hash: Buffer.from(textHash ?? []).toString('hex'),
  };
}

function refusedByView(by: Exclude<NonNullable<Refused['refusedBy']>, { case: undefined }>): object {
  if (by.case === 'limit') {
    const { level = 0, subjectId = '', kind = '', limit = 0n } = by.value;
    return { type: 'limit', level: LEVELS[level] ?? 'none', subject_id: subjectId, kind, limit: Number(limit) };
  }
  if (by.case === 'budget') return { type: 'budget', ...budgetView(by.value) };
  const { ruleId = '', ruleTitle = '', policyVersion = 0n } = by.value;
  return { type: 'rule', rule_id: ruleId, title: ruleTitle, policy_version: Number(policyVersion) };
}

function budgetView({ level = 0, subjectId = '', period = '', amountNano = 0n, spentNano = 0n, heldNano = 0n }: MessageInitShape<typeof BudgetRefusalSchema>): object {
  return { level: LEVELS[level] ?? 'none', subject_id: subjectId, period, amount_nano: String(amountNano), spent_nano: String(spentNano), held_nano: String(heldNano) };
}
