import type { ErrorEnvelope } from '@sluice/errors';
import type { GetCallResponse } from '@sluice/proto/audit/v1/audit';
import type { ChatCall, ChatEvent } from '@sluice/proto/chat/v1/chat';
import { outputView, readableJson } from '@sluice/segment';

/** Everything that was asked and answered in one call, readable. */
export function callDetail({ parts, bodiesAvailable }: GetCallResponse): object {
  const events: ChatEvent[] = [];
  let request: ChatCall | undefined;
  let told: ErrorEnvelope['error'] | null = null;
  for (const { body } of parts) {
    if (body?.body.case === 'admitted') request = body.body.value.call;
    else if (body?.body.case === 'output') events.push(...body.body.value.events);
    else if (body?.body.case === 'completed') {
      request ??= body.body.value.call;
      told = errorOf(body.body.value.error);
    }
  }
  return {
    bodies: bodiesState(bodiesAvailable, request !== undefined),
    bodies_available: bodiesAvailable && request !== undefined,
    // No choices: nothing of it was understood before it was refused.
    request: request && request.choices > 0 ? requestView(request) : null,
    ...outputView(events),
    error: told,
    error_message: told?.message ?? null,
    segments: parts.map(({ producer, epoch, seq }) => ({ producer, epoch: Number(epoch), seq: Number(seq) })),
  };
}

/** What was asked is in every record of a project that keeps bodies: where nothing was removed and it is not there, it never was kept. */
function bodiesState(available: boolean, hasRequest: boolean): 'kept' | 'not_kept' | 'gone' {
  if (!available) return 'gone';
  return hasRequest ? 'kept' : 'not_kept';
}

function errorOf(body: Uint8Array): ErrorEnvelope['error'] | null {
  return body.length === 0 ? null : (JSON.parse(Buffer.from(body).toString()) as ErrorEnvelope).error;
}

function requestView({ model, stream, choices, messages, fields }: ChatCall): object {
  const asked: Record<string, unknown> = { model, stream, n: choices, messages: readableJson(messages) };
  for (const field of fields) asked[field.name] = readableJson(field.json);
  return asked;
}
