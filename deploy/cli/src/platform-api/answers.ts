import { z } from 'zod';

/** What the commands read of the admin API's answers (gateway/README.md). `--json` prints the rest of them too. */

const time = z.string();

export const listOf = <T extends z.ZodType>(item: T) => z.looseObject({ data: z.array(item), has_more: z.boolean() });

export const project = z.looseObject({ id: z.string(), name: z.string(), body_policy: z.string(), created_at: time });

export const key = z.looseObject({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  role: z.string().nullable(),
  project_id: z.string().nullable(),
  prefix: z.string(),
  models: z.array(z.string()),
  created_at: time,
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
});
/** `was_revoked`: it had been before, and `revoked_at` is that first time. */
export const revokedKey = key.extend({ was_revoked: z.boolean() });
export const newKey = key.extend({ secret: z.string() });

export const model = z.looseObject({
  id: z.string(),
  name: z.string(),
  aliases: z.array(z.string()),
  versions: z.array(z.looseObject({ id: z.string(), number: z.number(), digest: z.string(), description: z.string(), inputs: z.array(z.looseObject({ name: z.string() })).optional() })),
  deployments: z.array(z.looseObject({ id: z.string(), version_id: z.string(), upstream_model: z.string(), protocol: z.string(), placement: z.string(), state: z.string(), target: z.string(), has_credential: z.boolean().optional(), managed: z.boolean().optional() })),
});
export type Model = z.infer<typeof model>;
export const alias = z.looseObject({ name: z.string(), model: z.string() });
export const models = listOf(model).extend({ aliases: z.array(alias) });

export const backend = z.looseObject({ deployment_id: z.string(), healthy: z.boolean(), reason: z.string().nullish() });

export const call = z.looseObject({
  id: z.string(),
  organisation_id: z.string(),
  project_id: z.string(),
  key_id: z.string(),
  model: z.string(),
  stream: z.boolean(),
  status: z.string(),
  http_status: z.number().nullable(),
  error_code: z.string().nullable(),
  admitted_at: time.nullable(),
  ended_at: time.nullable(),
  duration_ms: z.number().nullable(),
  first_output_ms: z.number().nullable(),
  output_bytes: z.number(),
  usage: z.looseObject({ input_tokens: z.number(), output_tokens: z.number(), cached_input_tokens: z.number(), reasoning_tokens: z.number(), estimated: z.boolean() }).nullable(),
  /** What is billed, and what is not. */
  cost_nano: z.string().optional(),
  overrun_nano: z.string().optional(),
  cut_by: z.string().nullish(),
  version_id: z.string().nullable(),
  deployment_id: z.string().nullable(),
  leaf_index: z.number().nullable(),
});
export type Call = z.infer<typeof call>;

const toolCall = z.looseObject({ id: z.string().nullish(), name: z.string().nullish(), arguments: z.string().nullish() });

const hit = z.looseObject({ rule_id: z.string(), kind: z.string(), action: z.string(), direction: z.string(), channel: z.string(), index: z.number(), start: z.number(), end: z.number(), text_hash: z.string() });
const verdict = z.looseObject({ policy_version: z.number(), action: z.string(), hit_count: z.number(), hits: z.array(hit) });
const hold = z.looseObject({ amount_nano: z.string(), limited: z.boolean(), output_tokens: z.number() });
const pricePaid = z.looseObject({ id: z.string(), currency: z.string(), input_nano: z.string(), cached_input_nano: z.string(), output_nano: z.string(), reasoning_nano: z.string() });

/** A parameter that was sent otherwise than it was asked for; nobody asked for it where that is null, and its budget changed it where the rule is. */
const parameterChange = z.looseObject({ name: z.string(), asked: z.number().nullable(), sent: z.number(), rule_id: z.string().nullable() });

/** What rules on parameters, money and content did to a call (libs/segment, `governedView`). */
const governed = z.looseObject({
  model_name: z.string().nullable(), price: pricePaid.nullable(), hold: hold.nullable(), cost_nano: z.string(), overrun_nano: z.string(), stopped_by: z.string().nullable(), input: verdict.nullable(), output: verdict.nullable(),
  parameters: z.array(parameterChange).optional(),
});

/** What refused a call, where it was a limit, a budget or a rule (libs/segment, `refusedView`). */
const refused = z.looseObject({ by: z.looseObject({ type: z.string() }).nullable(), input: verdict.nullable(), parameters: z.array(parameterChange).optional() });

const request = z.looseObject({ messages: z.array(z.looseObject({ role: z.string() })).nullable() });
const choices = z.array(
  z.looseObject({
    index: z.number(),
    finish_reason: z.string().nullable(),
    content: z.string().nullable(),
    reasoning: z.string().nullable(),
    refusal: z.string().nullable(),
    tool_calls: z.array(toolCall).nullish(),
    function_call: toolCall.nullish(),
  }),
);
const events = z.array(z.looseObject({ type: z.string() }));

/** What was asked and what the model gave, where it is kept beside what was sent; each null where it is not. */
const original = z.looseObject({ request: request.nullable(), output: z.looseObject({ choices, events }).nullable() });

export const recordedCall = call.extend({
  governed: governed.nullish(),
  refused: refused.nullish(),
  hold_extensions: z.array(hold).nullish(),
  bodies: z.enum(['kept', 'not_kept', 'gone']),
  request: request.nullable(),
  choices,
  events,
  original: original.nullish(),
  error: z.record(z.string(), z.unknown()).nullish(),
  error_message: z.string().nullable(),
  segments: z.array(z.looseObject({ producer: z.string(), epoch: z.coerce.string(), seq: z.coerce.string() })),
});
export type RecordedCall = z.infer<typeof recordedCall>;

export const proof = z.looseObject({ call_id: z.string(), bundle: z.string(), entry: z.string() });
export const deleted = z.looseObject({ deleted: z.boolean() });
/** With the aliases that went with it. */
export const removedModel = deleted.extend({ aliases: z.array(z.string()) });
export const backup = z.looseObject({ directory: z.string() });

export const whoami = z.looseObject({ key_id: z.string(), organisation_id: z.string(), role: z.string() });

/** Integers beyond what a JSON number holds, as text. */
const exact = z.string().regex(/^-?\d+$/);

const limit = z.number().nullable();
/** Null: no limit. */
export const limits = z.looseObject({ level: z.string(), id: z.string(), requests_per_minute: limit, tokens_per_minute: limit, concurrent_requests: limit, requests_per_day: limit });
export type Limits = z.infer<typeof limits>;

const bound = z.number().nullable();
export const parameterRule = z.looseObject({ id: z.string(), parameter: z.string(), project_id: z.string().nullable(), model: z.string().nullable(), min: bound, max: bound, default: bound, on_violation: z.string() });
export type ParameterRule = z.infer<typeof parameterRule>;

export const price = z.looseObject({
  id: z.string(), model: z.string(), currency: z.string(), input_nano: exact, cached_input_nano: exact, output_nano: exact, reasoning_nano: exact, valid_from: time,
  /** There is no model of this name any more. */
  removed: z.boolean().optional(),
});
export const prices = listOf(price).extend({ currency: z.string() });
export const currency = z.looseObject({ currency: z.string() });
export const budget = z.looseObject({ level: z.string(), id: z.string(), amount: exact, spent: exact, held: exact, overrun: exact, currency: z.string(), period: z.string(), period_start: z.string().nullable() });
const usageRow = z.looseObject({
  day: z.string().optional(), project: z.string().optional(), key: z.string().optional(), model: z.string().optional(),
  calls: exact, input_tokens: exact, cached_input_tokens: exact, output_tokens: exact, reasoning_tokens: exact, cost: exact, overrun: exact,
});
export const usage = listOf(usageRow).extend({ currency: z.string() });
export const ledgerCheck = z.looseObject({
  ok: z.boolean(), transactions: exact, entries: exact, calls: exact, billed: exact, overrun: exact, held: exact, currency: z.string(), faults: z.array(z.object({ law: z.string(), detail: z.string() })),
});
export type LedgerCheck = z.infer<typeof ledgerCheck>;
export const ledgerItem = z.looseObject({ call_id: z.string(), cost_nano: exact, overrun_nano: exact });

export const filterRule = z.looseObject({
  id: z.string(), project_id: z.string().nullable(), kind: z.string(), action: z.string(), direction: z.string(), title: z.string(),
  patterns: z.array(z.string()).nullable(), pattern_count: z.number(), created_at: time,
});
export const filterRules = listOf(filterRule).extend({ policy_version: z.number() });
export const filterTrial = z.looseObject({
  text: z.string(), action: z.string().nullable(), rule_title: z.string().nullable(), policy_version: z.number(),
  hits: z.array(z.looseObject({ rule_id: z.string(), kind: z.string(), action: z.string(), start: z.number(), end: z.number() })),
});
export const filterStats = z.looseObject({
  rule_id: z.string(), title: z.string(), project_id: z.string().nullable(), blocked: z.number(), masked: z.number(), flagged: z.number(), last_hit_at: time.nullable(),
});
