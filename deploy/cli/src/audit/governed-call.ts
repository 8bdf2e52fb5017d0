import type { RecordedCall } from '../platform-api/answers.ts';

type Governed = NonNullable<RecordedCall['governed']>;
type Verdict = NonNullable<Governed['input']>;
type Changes = NonNullable<Governed['parameters']>;

/** A fact of a call: its name and what is to be said of it; nothing where there is nothing to say. */
export type FactRow = [name: string, value: string | undefined];

/** What limits, rules on parameters, money and content did to a call, in a few lines. */
export function governanceFacts(call: RecordedCall): FactRow[] {
  const { governed, refused, status, hold_extensions: extensions } = call;
  if (refused) return [['refused', refused.by ? refusedBy(refused.by) : undefined], ['input', verdictText(refused.input)], ...parameterFacts(refused.parameters, 'made')];
  if (!governed) return [];
  return [
    ['cost', costText(governed, call)],
    ['held', heldText(governed, extensions?.length ?? 0, { isOver: status !== 'running', isOfTensors: isOfTensors(call) })],
    ['overrun', governed.overrun_nano === '0' ? undefined : `${governed.overrun_nano} nano-units above what was held, not billed: the backend reported more than was asked for`],
    ['stopped', governed.stopped_by === 'budget' ? 'by its budget' : (governed.stopped_by ?? undefined)],
    ['input', verdictText(governed.input)],
    ['output', verdictText(governed.output)],
    ...parameterFacts(governed.parameters, 'sent as'),
  ];
}

/** A line for each parameter that the model was not sent as it was asked for; `became` is what the last change did to it. */
function parameterFacts(changes: Changes = [], became: string): FactRow[] {
  return [...Map.groupBy(changes, ({ name }) => name)].map(([name, steps]) => {
    const made = steps.map(({ sent, rule_id: rule }, at) => `${at === steps.length - 1 ? became : 'made'} ${sent} by ${rule ?? 'its budget'}`);
    return ['parameter', `${name} ${[steps[0]!.asked ?? 'not given', ...made].join(', ')}`];
  });
}

/** Where rules matched, a line each; never what was matched. */
export function hitLines({ governed, refused }: RecordedCall): string[] {
  const verdicts = [refused?.input, governed?.input, governed?.output];
  return verdicts.flatMap((verdict) => (verdict ? [...verdict.hits.map(hitText), ...more(verdict)] : []));
}

function hitText({ rule_id, kind, action, direction, channel, index, start, end, text_hash }: Verdict['hits'][number]): string {
  return `${direction} ${action} by ${rule_id} (${kind}): ${channel} of ${direction === 'in' ? 'message' : 'choice'} ${index}, ${start}-${end}, text ${text_hash.slice(0, 16)}`;
}

function more({ hits, hit_count: count }: Verdict): string[] {
  return count > hits.length ? [`and ${count - hits.length} more`] : [];
}

function verdictText(verdict: Verdict | null): string | undefined {
  if (!verdict) return undefined;
  const found = verdict.hit_count === 0 ? 'no rule matched' : `${verdict.action}, ${verdict.hit_count} ${verdict.hit_count === 1 ? 'hit' : 'hits'}`;
  return `${found} (rules of version ${verdict.policy_version})`;
}

/** Whether a model was asked that is no language model: such a call is counted as one unit of input. Not known where bodies were not kept. */
export function isOfTensors({ request }: RecordedCall): boolean {
  return request !== null && 'tensors' in request;
}

/** With all that it can be computed from. */
function costText({ price, cost_nano: cost, overrun_nano: overrun }: Governed, call: RecordedCall): string {
  if (!price) return `${cost} (the model has no price)`;
  if (isOfTensors(call)) return `${cost} nano-${price.currency} (${price.id}: ${price.input_nano} a request)`;
  const { usage } = call;
  const cached = usage?.cached_input_tokens ? `, ${price.cached_input_nano} cached` : '';
  const reasoning = usage?.reasoning_tokens ? `, ${price.reasoning_nano} reasoning` : '';
  return `${cost} nano-${price.currency}${overrun === '0' ? '' : ' without the overrun'} (${price.id}: ${price.input_nano} a token in${cached}, ${price.output_nano} out${reasoning})`;
}

/** What was set aside in the end, for what, and what became of it. */
function heldText({ hold, cost_nano: spent }: Governed, extensions: number, { isOver, isOfTensors: isRequest }: { readonly isOver: boolean; readonly isOfTensors: boolean }): string | undefined {
  if (!hold || (!hold.limited && hold.amount_nano === '0')) return undefined;
  const times = extensions === 0 ? '' : ` ${isOver ? 'in the end' : 'so far'} (extended ${extensions === 1 ? 'once' : `${extensions} times`})`;
  const rest = BigInt(hold.amount_nano) - BigInt(spent);
  const became = `${spent} spent${isOver && rest >= 0n ? `, ${rest} given back` : isOver ? '' : ' so far'}`;
  return `${hold.amount_nano} nano-units${times}, for the ${isRequest ? 'request' : `input and up to ${hold.output_tokens} tokens of output`}: ${became}${hold.limited ? '' : '; no budget limits it'}`;
}

function refusedBy(by: NonNullable<NonNullable<RecordedCall['refused']>['by']>): string {
  const { type, level, subject_id: subject, kind, limit, period, amount_nano: amount, spent_nano: spent, held_nano: held, rule_id: rule, title, policy_version: version } = by as Readonly<Record<string, unknown>>;
  if (type === 'limit') return `the limit of ${level} ${subject}: ${limit} ${String(kind).replaceAll('_', ' ')}`;
  if (type === 'budget') return `the budget of ${level} ${subject} (period ${period}): ${spent} spent and ${held} held of ${amount} nano-units`;
  return `the rule ${rule} "${title}" (rules of version ${version})`;
}
