import { parseExactly } from '@sluice/segment/exact-json';
import { z } from 'zod';
import { CommandFailed, WrongUse } from '../exit-code.ts';
import { printable, printableLine } from '../terminal/printable.ts';

/** An administrative answer that takes longer than this is not coming. A backup is the slowest of them. */
const ANSWER_DEADLINE_MS = 600_000;
const MAX_ERROR_BODY_CHARACTERS = 64 * 1024;

const errorEnvelope = z.object({ error: z.object({ message: z.string(), code: z.string().nullable(), param: z.string().nullable() }) });

/** By these the platform says that what was typed makes no sense; it knows bounds that this program need not. */
const WRONG_VALUES = new Set(['invalid_type', 'invalid_value', 'missing_required_parameter', 'unknown_parameter', 'unsupported_parameter']);

export type Query = Readonly<Record<string, string | number | undefined>>;

/** The platform could not be reached, or refused to say: nothing is known of what was asked for. */
export class NoAnswer extends CommandFailed {}

/** A platform answers there, and could not say: neither the address nor the key is at fault. */
export class Unable extends NoAnswer {}

/** The platform refused, so nothing was changed. */
export class Refusal extends NoAnswer {}

/** How long an answer is waited for: until the signal, and up to the deadline unless it is open-ended as a stream is. */
interface Patience {
  readonly signal?: AbortSignal | undefined;
  readonly isOpenEnded?: boolean;
}

/** One of the two HTTP faces of a platform, with the key to it. Every failure is a CommandFailed that names the mend; one that says nothing of the thing asked for is a NoAnswer. */
export class HttpApi {
  readonly #base: string;
  readonly #key: string;
  /** What people know the platform by: scheme, host and port. */
  readonly origin: string;

  constructor(base: string, key: string, origin: string) {
    this.#base = base;
    this.#key = key;
    this.origin = origin;
  }

  async get<T>(path: string, schema: z.ZodType<T>, query: Query = {}): Promise<T> {
    return this.#json(await this.#send('GET', path + queryText(query)), schema);
  }

  async send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, schema: z.ZodType<T>, body?: object, signal?: AbortSignal): Promise<T> {
    return this.#json(await this.#send(method, path, body, { signal }), schema);
  }

  async text(path: string): Promise<string> {
    return this.#whole(await this.#send('GET', path), async (response) => response.text());
  }

  async bytes(path: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#whole(await this.#send('GET', path, undefined, { signal }), async (response) => new Uint8Array(await response.arrayBuffer()));
  }

  /** The answer as it comes; its status is 2xx. */
  async stream(path: string, body: object, signal: AbortSignal): Promise<Response> {
    return this.#send('POST', path, body, { signal, isOpenEnded: true });
  }

  async #json<T>(response: Response, schema: z.ZodType<T>): Promise<T> {
    const parsed = schema.safeParse(parseJson(await this.#whole(response, async (answer) => answer.text())));
    if (parsed.success) return parsed.data;
    throw new CommandFailed(`${this.origin} gave an answer that this command does not understand. Is it a Sluice of this version?`);
  }

  /** The body of an answer. A connection that is cut in it, or one that says no more, is no fault of this program. */
  async #whole<T>(response: Response, read: (response: Response) => Promise<T>): Promise<T> {
    try {
      return await read(response);
    } catch (error) {
      throw new Unable(`The answer of ${this.origin} broke off (${reason(error)}). Try again.`);
    }
  }

  async #send(method: string, path: string, body?: object, { signal, isOpenEnded = false }: Patience = {}): Promise<Response> {
    const deadline = isOpenEnded ? undefined : AbortSignal.timeout(ANSWER_DEADLINE_MS);
    let response: Response;
    try {
      response = await fetch(this.#base + path, {
        method,
        headers: { authorization: `Bearer ${this.#key}`, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, deadline].filter((one) => one !== undefined)),
        redirect: 'error',
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      if (deadline?.aborted) throw new Unable(`${this.origin} took the request and did not answer within ${ANSWER_DEADLINE_MS / 1000} s.`);
      throw new NoAnswer(`No platform answers at ${this.origin} (${reason(error)}).\nStart it with: sluice up`);
    }
    if (!response.ok) throw await this.#refusal(response, body);
    return response;
  }

  async #refusal(response: Response, body?: object): Promise<CommandFailed> {
    const text = (await response.text().catch(() => '')).slice(0, MAX_ERROR_BODY_CHARACTERS);
    const parsed = errorEnvelope.safeParse(parseJson(text));
    const message = parsed.success ? printable(parsed.data.error.message) : `${this.origin} answered with HTTP status ${response.status}.`;
    const told = [message, ...hint(response.status, parsed.data?.error.code, body)].join('\n');
    const about = { param: parsed.data?.error.param ?? undefined };
    if (response.status === 400 && WRONG_VALUES.has(parsed.data?.error.code ?? '')) return new WrongUse(told, about);
    if (response.status === 404) return new CommandFailed(told, about);
    if (response.status < 500) return new Refusal(told, about);
    // Whoever stands before a platform, or in its place, has other words for it.
    return parsed.success ? new Unable(told, about) : new NoAnswer(told, about);
  }
}

function hint(status: number, code: string | null | undefined, asked?: object): string[] {
  if (status === 401) return ['The key is not the one of this platform, was revoked or has expired. Look at SLUICE_ADMIN_KEY, SLUICE_API_KEY or --data.'];
  if (code === 'unknown_url') return ['The address may be the wrong one: SLUICE_ADMIN_URL is that of the admin API, SLUICE_URL that of the OpenAI API.'];
  if (code === 'model_not_found') return ['See which models there are: sluice model list'];
  if (code === 'backend_unavailable' && asked && 'model' in asked) {
    return [`It was ${printableLine(String(asked.model))}. Ask another with --model, or see how they are: sluice model list`];
  }
  if (code === 'model_not_installed') return ['Add it: sluice model add NAME --gguf FILE, or sluice model add NAME --openai URL'];
  return [];
}

function queryText(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, String(value)]]));
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

function parseJson(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}

/** What fetch itself says of an address, without a code. */
const OWN_WORDS = ['unexpected redirect', 'bad port'];

/** Only what the network said: the message of a request that could not be made may quote its headers, and so the key. */
function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
  if (cause && 'code' in cause && typeof cause.code === 'string') return cause.code;
  if (error instanceof DOMException) return error.message;
  return cause && OWN_WORDS.includes(cause.message) ? cause.message : 'no connection';
}
