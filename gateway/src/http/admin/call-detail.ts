import type { ErrorEnvelope } from '@sluice/errors';
import type { CallPart, GetCallResponse } from '@sluice/proto/audit/v1/audit';
import type { ChatCall, ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Hold } from '@sluice/proto/billing/v1/billing';
import type { CallHold, CallRecord } from '@sluice/proto/events/v1/calls';
import { costNano, overrunNano } from '@sluice/pricing';
import { askedTensorsView, governedView, holdView, outputView, readableJson, refusedView } from '@sluice/segment';
import { exact } from './amounts.ts';

/** Everything that was asked and answered in one call, readable; with its money, as far as its records have that, for what the index says of it. */
export function callDetail({ call, parts, bodiesAvailable }: GetCallResponse): object {
  const events: ChatEvent[] = [];
  let request: ChatCall | undefined;
  let told: ErrorEnvelope['error'] | null = null;
  const original = originalOf(parts);
  for (const { body } of parts) {
    if (body?.body.case === 'admitted') request = body.body.value.call;
    else if (body?.body.case === 'output') events.push(...body.body.value.events);
    else if (body?.body.case === 'completed') {
      request ??= body.body.value.call;
      told = errorOf(body.body.value.error);
    }
  }
  const isKept = request !== undefined || original !== undefined;
  return {
    bodies: bodiesState(bodiesAvailable, isKept),
    bodies_available: bodiesAvailable && isKept,
    // No choices: nothing of it was understood before it was refused.
    request: request && request.choices > 0 ? requestView(request) : null,
    ...outputView(events),
    ...(original ? { original } : {}),
    ...governance(parts, call),
    error: told,
    error_message: told?.message ?? null,
    segments: parts.map(({ producer, epoch, seq }) => ({ producer, epoch: Number(epoch), seq: Number(seq) })),
  };
}

/** What was asked and what the model gave, where that is kept beside what was sent: each null where it is not. */
function originalOf(parts: readonly CallPart[]): object | undefined {
  const events: ChatEvent[] = [];
  let request: ChatCall | undefined;
  let isOutputKept = false;
  for (const { body } of parts) {
    const part = body?.body;
    if (part?.case === 'admitted' || part?.case === 'completed') request ??= part.value.original;
    if (part?.case === 'completed') isOutputKept ||= part.value.originalOutputSalt.length > 0;
    if (part?.case === 'output') events.push(...(part.value.original?.events ?? []));
  }
  isOutputKept ||= events.length > 0;
  return request || isOutputKept ? { request: request ? requestView(request) : null, output: isOutputKept ? outputView(events) : null } : undefined;
}

/**
 * What limits, rules on parameters, money and content did to the call: `governed` or, for one that was not let in, `refused`; null in records
 * from before there was any of it.
 */
function governance(parts: readonly CallPart[], call: GetCallResponse['call']): object {
  const admitted = recordOf(parts, 'admitted');
  const refused = recordOf(parts, 'refused');
  const extensions = parts.flatMap(({ record }) => (record?.record.case === 'output' && record.record.value.hold ? [record.record.value.hold] : []));
  const end = admitted?.hold && (recordOf(parts, 'completed') ?? openEnd(admitted.hold, extensions.at(-1), call));
  return {
    ...(end ? billed(end) : {}),
    governed: admitted && end ? { ...governedView(admitted, end), ...billed(end) } : null,
    refused: refused && (refused.refusedBy.case || refused.inputVerdict || refused.parameters.length > 0) ? refusedView(refused) : null,
    hold_extensions: extensions.map(holdView),
  };
}

/** Of a call without an end the cost is that of what is durable so far, and so it is billed when its process is lost. */
function openEnd({ hold: first, price }: CallHold, extended: Hold | undefined, call: GetCallResponse['call']): OpenEnd {
  const hold = extended ?? first;
  const cost = price && call?.counts ? costNano(price, call.counts) : 0n;
  return { ...(hold && { hold }), costNano: cost, overrunNano: hold ? overrunNano(cost, hold) : 0n };
}

interface OpenEnd {
  readonly hold?: Hold;
  readonly costNano: bigint;
  readonly overrunNano: bigint;
}

/** Records have the overrun in the cost; what is shown as the cost is what is billed. */
function billed({ costNano: cost, overrunNano: overrun }: Pick<OpenEnd, 'costNano' | 'overrunNano'>): object {
  return { cost_nano: exact(cost - overrun), overrun_nano: exact(overrun) };
}

type RecordOf<Case> = Extract<CallRecord['record'], { readonly case: Case; readonly value: unknown }>['value'];

/** The first record of this kind; a call has one of each but outputs. */
function recordOf<Case extends 'admitted' | 'completed' | 'refused'>(parts: readonly CallPart[], kind: Case): RecordOf<Case> | undefined {
  const found = parts.find(({ record }) => record?.record.case === kind)?.record?.record;
  return found?.value as RecordOf<Case> | undefined;
}

/** What was asked is in every record of a project that keeps bodies: where nothing was removed and it is not there, it never was kept. */
function bodiesState(available: boolean, isKept: boolean): 'kept' | 'not_kept' | 'gone' {
  if (!available) return 'gone';
  return isKept ? 'kept' : 'not_kept';
}

function errorOf(body: Uint8Array): ErrorEnvelope['error'] | null {
  return body.length === 0 ? null : (JSON.parse(Buffer.from(body).toString()) as ErrorEnvelope).error;
}

function requestView({ model, stream, choices, messages, fields, tensors }: ChatCall): object {
  const asked: Record<string, unknown> = { model, stream, n: choices, messages: readableJson(messages) };
  for (const field of fields) asked[field.name] = readableJson(field.json);
  if (tensors.length > 0) asked['tensors'] = askedTensorsView(tensors);
  return asked;
}
