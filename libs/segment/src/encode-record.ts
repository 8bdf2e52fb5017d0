import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ChatCallSchema, ChatEventSchema } from '@sluice/proto/chat/v1/chat';
import type { BodySchema, CallRecordSchema, CountsSchema, LeafSchema, OpeningSchema, OutputBodySchema } from '@sluice/proto/events/v1/calls';
import { budgetRefusal, callHold, hold, limitRefusal, parameterChanges, ruleRefusal, verdict } from './encode-governed.ts';
import { writer } from './message-writer.ts';
import type { EncodedOutput } from './record.ts';

/*
 * Records and bodies to protobuf, field by field. The library's encoder walks over the schema twice, once to make the
 * message and once to write it, which was a sixth of what a call costs. The spec holds this one to the library's bytes.
 */

type RecordInit = NonNullable<MessageInitShape<typeof CallRecordSchema>['record']>;
type BodyInit = NonNullable<MessageInitShape<typeof BodySchema>['body']>;
type ChatCallInit = MessageInitShape<typeof ChatCallSchema>;
type Opening = MessageInitShape<typeof OpeningSchema>;
type Value<Init extends { readonly case?: unknown }, Case> = NonNullable<Extract<Init, { readonly case: Case; readonly value: unknown }>['value']>;

/** A CallRecord of events.v1. */
export function encodeRecord(callId: string, record: RecordInit): Buffer {
  return whole(() => {
    writer.string(1, callId);
    if (record.case === undefined) return;
    const start = writer.begin(FIELD_OF_RECORD[record.case]);
    if (record.case === 'admitted') admitted(record.value);
    else if (record.case === 'output') output(record.value);
    else if (record.case === 'completed') completed(record.value);
    else if (record.case === 'refused') refused(record.value);
    else writer.number(1, record.value.index);
    writer.end(start);
  });
}

/** A Body of events.v1, without its index into the segment's records. */
export function encodeBody(body: BodyInit | EncodedOutput): Buffer {
  return whole(() => {
    if (body.case === undefined) return;
    if (body.case === 'fragment') return writer.frame(FIELD_OF_BODY.fragment, body.value);
    if (body.case === 'encodedOutput') return writer.frame(FIELD_OF_BODY.output, body.bytes);
    const start = writer.begin(FIELD_OF_BODY[body.case]);
    if (body.case === 'admitted') {
      if (body.value.call) chatCall(1, body.value.call);
      writer.bytes(2, body.value.promptSalt);
      if (body.value.original) chatCall(3, body.value.original);
      writer.bytes(4, body.value.originalSalt);
    } else if (body.case === 'output') outputBody(body.value);
    else completedBody(body.value);
    writer.end(start);
  });
}

/** A ChatCall of chat.v1: everything that was asked. */
export function encodeCall(call: ChatCallInit): Buffer {
  return whole(() => callFields(call));
}

/** An OutputBody of events.v1. */
export function encodeOutput(body: MessageInitShape<typeof OutputBodySchema>): Buffer {
  return whole(() => outputBody(body));
}

/** What stands behind the events of an OutputBody: its `original`, encoded already because its bytes go into a chain of their own. */
export function encodeOriginalField(original: Uint8Array): Buffer {
  return whole(() => writer.frame(ORIGINAL_FIELD, original));
}

const FIELD_OF_RECORD = { admitted: 2, output: 3, completed: 4, refused: 5, fragment: 6 } as const;
const FIELD_OF_BODY = { admitted: 2, output: 3, completed: 4, fragment: 5 } as const;
const ORIGINAL_FIELD = 2;
const FIELD_OF_EVENT = { started: 1, delta: 2, finished: 3, usage: 4, attempt: 5, counts: 6, tensors: 7 } as const;

function whole(write: () => void): Buffer {
  try {
    write();
    return writer.finish();
  } finally {
    writer.reset();
  }
}

function admitted(value: Value<RecordInit, 'admitted'>): void {
  writer.string(1, value.organisationId);
  writer.string(2, value.projectId);
  writer.string(3, value.keyId);
  writer.string(4, value.model);
  writer.number(5, value.stream);
  writer.number(6, value.admittedAtMs);
  writer.bytes(7, value.promptCommitment);
  writer.bytes(8, value.outputChain);
  writer.string(9, value.modelName);
  callHold(10, value.hold);
  verdict(11, value.inputVerdict);
  parameterChanges(12, value.parameters);
}

function output(value: Value<RecordInit, 'output'>): void {
  writer.number(1, value.outputBytes);
  writer.number(2, value.events);
  writer.bytes(3, value.outputChain);
  counts(4, value.counts);
  hold(5, value.hold);
}

function completed(value: Value<RecordInit, 'completed'>): void {
  writer.number(1, value.outcome);
  writer.string(2, value.errorCode);
  writer.number(3, value.httpStatus);
  writer.number(4, value.outputBytes);
  writer.bytes(5, value.outputChain);
  counts(6, value.counts);
  writer.string(7, value.versionId);
  writer.string(8, value.deploymentId);
  writer.number(9, value.completedAtMs);
  writer.number(10, value.firstOutputMs);
  writer.number(11, value.durationMs);
  for (const reason of value.finishReasons ?? []) writer.frame(12, Buffer.from(reason));
  leaf(13, value.leaf);
  hold(14, value.hold);
  writer.amount(15, value.costNano);
  writer.amount(16, value.overrunNano);
  writer.string(17, value.stoppedBy);
  verdict(18, value.outputVerdict);
}

function refused(value: Value<RecordInit, 'refused'>): void {
  writer.string(1, value.organisationId);
  writer.string(2, value.projectId);
  writer.string(3, value.keyId);
  writer.string(4, value.model);
  writer.string(5, value.errorCode);
  writer.number(6, value.httpStatus);
  writer.string(7, value.param);
  writer.number(8, value.refusedAtMs);
  leaf(9, value.leaf);
  const by = value.refusedBy;
  if (by?.case === 'limit') limitRefusal(10, by.value);
  else if (by?.case === 'budget') budgetRefusal(11, by.value);
  else if (by?.case === 'rule') ruleRefusal(12, by.value);
  verdict(13, value.inputVerdict);
  parameterChanges(14, value.parameters);
}

function counts(field: number, value: MessageInitShape<typeof CountsSchema> | undefined): void {
  if (!value) return;
  const start = writer.begin(field);
  writer.number(1, value.inputTokens);
  writer.number(2, value.outputTokens);
  writer.number(3, value.cachedInputTokens);
  writer.number(4, value.reasoningTokens);
  writer.number(5, value.estimated);
  writer.end(start);
}

function leaf(field: number, value: MessageInitShape<typeof LeafSchema> | undefined): void {
  if (!value) return;
  const start = writer.begin(field);
  for (const { name, hash } of value.commitments ?? []) {
    const each = writer.begin(1);
    writer.string(1, name);
    writer.bytes(2, hash);
    writer.end(each);
  }
  writer.end(start);
}

function completedBody(value: Value<BodyInit, 'completed'>): void {
  for (const opening of value.openings ?? []) openingOf(opening);
  if (value.call) chatCall(2, value.call);
  writer.bytes(3, value.promptSalt);
  writer.bytes(4, value.error);
  writer.bytes(5, value.errorSalt);
  if (value.original) chatCall(6, value.original);
  writer.bytes(7, value.originalSalt);
  writer.bytes(8, value.originalOutputSalt);
}

function openingOf({ name, salt, value }: Opening): void {
  const start = writer.begin(1);
  writer.string(1, name);
  writer.bytes(2, salt);
  writer.bytes(3, value);
  writer.end(start);
}

function chatCall(field: number, value: ChatCallInit): void {
  const start = writer.begin(field);
  callFields(value);
  writer.end(start);
}

function callFields(value: ChatCallInit): void {
  writer.string(1, value.model);
  writer.bytes(2, value.messages);
  for (const { name, json } of value.fields ?? []) {
    const each = writer.begin(3);
    writer.string(1, name);
    writer.bytes(2, json);
    writer.end(each);
  }
  writer.number(4, value.stream);
  writer.number(5, value.choices);
  writer.bytes(6, value.tensors);
}

function outputBody(value: MessageInitShape<typeof OutputBodySchema>): void {
  events(value.events);
  if (!value.original) return;
  const start = writer.begin(ORIGINAL_FIELD);
  events(value.original.events);
  writer.end(start);
}

function events(list: MessageInitShape<typeof OutputBodySchema>['events']): void {
  for (const { event } of list ?? []) {
    const start = writer.begin(1);
    if (event?.case !== undefined) chatEvent(event);
    writer.end(start);
  }
}

function chatEvent(event: Extract<NonNullable<MessageInitShape<typeof ChatEventSchema>['event']>, { case: string }>): void {
  const start = writer.begin(FIELD_OF_EVENT[event.case]);
  if (event.case === 'delta') delta(event.value);
  else if (event.case === 'started') {
    writer.string(1, event.value.versionId);
    writer.string(2, event.value.deploymentId);
    writer.string(3, event.value.systemFingerprint);
    writer.string(4, event.value.serviceTier);
  } else if (event.case === 'finished') {
    writer.number(1, event.value.choice);
    writer.string(2, event.value.reason);
    writer.string(3, event.value.stoppedBy);
  } else if (event.case === 'attempt') {
    writer.string(1, event.value.versionId);
    writer.string(2, event.value.deploymentId);
    writer.number(3, event.value.external);
    writer.string(4, event.value.errorCode);
  } else if (event.case === 'tensors') writer.bytes(1, event.value.response);
  else {
    writer.number(1, event.value.inputTokens);
    writer.number(2, event.value.outputTokens);
    writer.number(3, event.value.cachedInputTokens);
    writer.number(4, event.value.reasoningTokens);
    writer.number(5, event.value.estimated);
    if (event.case === 'usage') writer.bytes(6, event.value.json);
  }
  writer.end(start);
}

function delta(value: Value<NonNullable<MessageInitShape<typeof ChatEventSchema>['event']>, 'delta'>): void {
  writer.number(1, value.choice);
  writer.number(2, value.channel);
  writer.string(3, value.text);
  if (value.tool) {
    const start = writer.begin(4);
    writer.number(1, value.tool.index);
    writer.string(2, value.tool.id);
    writer.string(3, value.tool.type);
    writer.string(4, value.tool.name);
    writer.end(start);
  }
  writer.bytes(5, value.logprobsJson);
  writer.bytes(6, value.extraJson);
}
