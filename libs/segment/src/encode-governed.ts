import type { MessageInitShape } from '@bufbuild/protobuf';
import type { BudgetRefusalSchema, HoldSchema, PriceSchema } from '@sluice/proto/billing/v1/billing';
import type { HitSchema } from '@sluice/proto/content_filter/v1/content_filter';
import type { CallHoldSchema, FilterVerdictSchema, LimitRefusalSchema, ParameterChangeSchema, RuleRefusalSchema } from '@sluice/proto/events/v1/calls';
import { writer } from './message-writer.ts';

/* What records say of limits, parameters, money and content, field by field (encode-record.ts says why). */

/** A Hold of billing.v1. */
export function hold(field: number, value: MessageInitShape<typeof HoldSchema> | undefined): void {
  if (!value) return;
  const start = writer.begin(field);
  writer.amount(1, value.amountNano);
  writer.number(2, value.limited);
  writer.number(3, value.outputTokens);
  writer.end(start);
}

/** A CallHold of events.v1. */
export function callHold(field: number, value: MessageInitShape<typeof CallHoldSchema> | undefined): void {
  if (!value) return;
  const start = writer.begin(field);
  hold(1, value.hold);
  price(2, value.price);
  writer.end(start);
}

function price(field: number, value: MessageInitShape<typeof PriceSchema> | undefined): void {
  if (!value) return;
  const start = writer.begin(field);
  writer.string(1, value.id);
  writer.string(2, value.model);
  writer.string(3, value.currency);
  writer.amount(4, value.inputNano);
  writer.amount(5, value.cachedInputNano);
  writer.amount(6, value.outputNano);
  writer.amount(7, value.reasoningNano);
  writer.number(8, value.validFromMs);
  writer.end(start);
}

/** A FilterVerdict of events.v1. */
export function verdict(field: number, value: MessageInitShape<typeof FilterVerdictSchema> | undefined): void {
  if (!value) return;
  const start = writer.begin(field);
  writer.number(1, value.policyVersion);
  writer.number(2, value.action);
  for (const each of value.hits ?? []) hit(3, each);
  writer.number(4, value.hitCount);
  writer.end(start);
}

function hit(field: number, value: MessageInitShape<typeof HitSchema>): void {
  const start = writer.begin(field);
  writer.string(1, value.ruleId);
  writer.string(2, value.kind);
  writer.number(3, value.action);
  writer.number(4, value.direction);
  writer.number(5, value.channel);
  writer.number(6, value.index);
  writer.number(7, value.start);
  writer.number(8, value.end);
  writer.bytes(9, value.textHash);
  writer.end(start);
}

/** Each a ParameterChange of events.v1. */
export function parameterChanges(field: number, values: readonly MessageInitShape<typeof ParameterChangeSchema>[] | undefined): void {
  for (const { parameter, askedJson, sentJson, ruleId } of values ?? []) {
    const start = writer.begin(field);
    writer.string(1, parameter);
    writer.string(2, askedJson);
    writer.string(3, sentJson);
    writer.string(4, ruleId);
    writer.end(start);
  }
}

/** A LimitRefusal of events.v1. */
export function limitRefusal(field: number, value: MessageInitShape<typeof LimitRefusalSchema>): void {
  const start = writer.begin(field);
  writer.number(1, value.level);
  writer.string(2, value.subjectId);
  writer.string(3, value.kind);
  writer.number(4, value.limit);
  writer.end(start);
}

/** A BudgetRefusal of billing.v1. */
export function budgetRefusal(field: number, value: MessageInitShape<typeof BudgetRefusalSchema>): void {
  const start = writer.begin(field);
  writer.number(1, value.level);
  writer.string(2, value.subjectId);
  writer.string(3, value.period);
  writer.amount(4, value.amountNano);
  writer.amount(5, value.spentNano);
  writer.amount(6, value.heldNano);
  writer.number(7, value.fitsWithoutHolds);
  writer.end(start);
}

/** A RuleRefusal of events.v1. */
export function ruleRefusal(field: number, value: MessageInitShape<typeof RuleRefusalSchema>): void {
  const start = writer.begin(field);
  writer.string(1, value.ruleId);
  writer.string(2, value.ruleTitle);
  writer.number(3, value.policyVersion);
  writer.end(start);
}
