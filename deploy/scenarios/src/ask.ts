import { expect } from '@jest/globals';
import type { House } from './house.ts';
import { MESSAGES, MODEL } from './scripted-model.ts';

/** What the front door said to one chat; `body` is the text of a stream, else what the JSON says. */
export interface Answer {
  readonly status: number;
  /** Of the call, from the response header. */
  readonly id: string;
  readonly headers: Headers;
  readonly body: unknown;
  /** All null when it is no refusal. */
  readonly error: { readonly message: string | null; readonly type: string | null; readonly param: string | null; readonly code: string | null };
}

interface Way {
  /** Null: none at all. */
  readonly key?: string | null;
  /** One of the house's doors. */
  readonly door?: string;
  readonly signal?: AbortSignal;
}

const NO_ERROR = { message: null, type: null, param: null, code: null };

/**
 * Sends one chat and reads its answer to the end. An object is completed to a right request; text and bytes go as they
 * are. Whatever is refused must come in the envelope: every scenario checks that by asking.
 */
export async function ask(house: House, request: object | string | Buffer = {}, { key = house.apiKey, door = house.url, signal }: Way = {}): Promise<Answer> {
  const raw = typeof request === 'string' || Buffer.isBuffer(request);
  const answer = await fetch(`${door}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === null ? {} : { authorization: `Bearer ${key}` }) },
    body: raw ? request : JSON.stringify({ model: MODEL, messages: MESSAGES, ...request }),
    ...(signal && { signal }),
  });
  const text = await answer.text();
  const body: unknown = answer.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : text;
  if (answer.status >= 400) expectEnvelope(body);
  return { status: answer.status, id: answer.headers.get('x-request-id')!, headers: answer.headers, body, error: answer.status >= 400 ? (body as { error: Answer['error'] }).error : NO_ERROR };
}

/** OpenAI's error envelope, with all of its fields. */
export function expectEnvelope(body: unknown): void {
  expect(Object.keys((body as { error: object }).error).sort()).toEqual(['code', 'message', 'param', 'type']);
}
