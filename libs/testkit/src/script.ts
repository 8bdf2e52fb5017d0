/**
 * What a scripted upstream does with one request: a status, headers, and steps in order.
 * The body ends properly after the last step, unless a step says otherwise.
 */
export interface Script {
  /** Default 200. */
  readonly status?: number;
  /** Names in lower case. `content-type` defaults to `text/event-stream` for a script of events, else `application/json`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
  /** Cuts everything that is written into socket writes of this many bytes, to split events and characters. */
  readonly splitEveryBytes?: number;
  /** Held back until this resolves: status and headers too. For ever: `new Promise(() => {})`. */
  readonly before?: Promise<unknown>;
}

export type Step =
  /** One SSE event: an object as JSON, a string as it is. */
  | { readonly event: object | string }
  /** Bytes as they are. */
  | { readonly raw: string | Uint8Array }
  /** Waits for the test. */
  | { readonly wait: Promise<unknown> }
  /** Waits on the machine's clock; for benches and scenarios, where the gap is the load. */
  | { readonly gapMs: number }
  /** Writes the text again and again, as fast as the reader reads, until it has been written so many times. */
  | { readonly repeat: string; readonly times: number }
  /** Says nothing more until the client leaves. */
  | { readonly stall: true }
  /** Breaks the connection with a TCP reset. */
  | { readonly reset: true }
  /** Closes the connection in the middle of the body. */
  | { readonly close: true };

/** An answer as text pieces, for `streamedChat` and `wholeChat`. */
export interface ChatScript {
  /** Text pieces of every choice, with their leading spaces. */
  readonly pieces?: readonly string[];
  readonly choices?: number;
  readonly finishReason?: string;
  readonly usage?: Readonly<Record<string, unknown>>;
  readonly model?: string;
  readonly gapMs?: number;
}

const DEFAULT_PIECES = ['The', ' answer', ' is', ' 42', '.'];
const ID = 'chatcmpl-scripted';
const CREATED = 1_755_137_933;

/** The usage object of an answer, as OpenAI writes it. */
export function usageOf(promptTokens: number, completionTokens: number): Record<string, unknown> {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

/** One chunk of a streamed answer; `delta` and the rest of the choice are the test's. */
export function chunk(delta: object, more: { index?: number; finish_reason?: string | null; logprobs?: object } = {}, model = 'scripted'): object {
  const { index = 0, finish_reason = null, ...rest } = more;
  return { id: ID, object: 'chat.completion.chunk', created: CREATED, model, system_fingerprint: 'fp_scripted', choices: [{ index, delta, finish_reason, ...rest }] };
}

/** The chunk without choices that carries usage at the end. */
export function usageChunk(usage: object): object {
  return { id: ID, object: 'chat.completion.chunk', created: CREATED, model: 'scripted', choices: [], usage };
}

/** A stream as OpenAI sends it: role, pieces interleaved over the choices, finish reasons, usage, [DONE]. */
export function streamedChat(chat: ChatScript = {}): Script {
  const { pieces = DEFAULT_PIECES, choices = 1, finishReason = 'stop', gapMs, model } = chat;
  const all = Array.from({ length: choices }, (_, index) => index);
  const steps: Step[] = all.map((index) => ({ event: chunk({ role: 'assistant', content: '', refusal: null }, { index }, model) }));
  for (const content of pieces) {
    if (gapMs !== undefined) steps.push({ gapMs });
    for (const index of all) steps.push({ event: chunk({ content }, { index }, model) });
  }
  for (const index of all) steps.push({ event: chunk({}, { index, finish_reason: finishReason }, model) });
  steps.push({ event: usageChunk(chat.usage ?? usageOf(7, pieces.length * choices)) }, { event: '[DONE]' });
  return { steps };
}

/** The same answer in one JSON body. */
export function wholeChat(chat: ChatScript = {}): Script {
  const { pieces = DEFAULT_PIECES, choices = 1, finishReason = 'stop', model = 'scripted' } = chat;
  const message = { role: 'assistant', content: pieces.join(''), refusal: null, annotations: [] };
  return json(200, {
    id: ID,
    object: 'chat.completion',
    created: CREATED,
    model,
    system_fingerprint: 'fp_scripted',
    choices: Array.from({ length: choices }, (_, index) => ({ index, message, logprobs: null, finish_reason: finishReason })),
    usage: chat.usage ?? usageOf(7, pieces.length * choices),
  });
}

/** A JSON body with a status. */
export function json(status: number, body: object, headers: Record<string, string> = {}): Script {
  return { status, headers: { 'content-type': 'application/json', ...headers }, steps: [{ raw: JSON.stringify(body) }] };
}

/** OpenAI's error envelope. */
export function errorEnvelope(
  status: number,
  error: { message?: string; type?: string; param?: string | null; code?: string | number | null } = {},
  headers: Record<string, string> = {},
): Script {
  return json(status, { error: { message: 'Scripted error.', type: 'invalid_request_error', param: null, code: null, ...error } }, headers);
}

/** What a proxy in between says. */
export function htmlPage(status: number): Script {
  return { status, headers: { 'content-type': 'text/html' }, steps: [{ raw: '<!doctype html><html><body><h1>Bad gateway</h1></body></html>' }] };
}
