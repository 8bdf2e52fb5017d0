import { z } from 'zod';
import { CommandFailed } from '../exit-code.ts';
import { printable, printableLine } from '../terminal/printable.ts';

/** An administrative answer that takes longer than this is not coming. A backup is the slowest of them. */
const ANSWER_DEADLINE_MS = 600_000;
const MAX_ERROR_BODY_CHARACTERS = 64 * 1024;

const errorEnvelope = z.object({ error: z.object({ message: z.string(), code: z.string().nullable(), param: z.string().nullable() }) });

export type Query = Readonly<Record<string, string | number | undefined>>;

/** One of the two HTTP faces of a platform, with the key to it. Every failure is a CommandFailed that names the mend. */
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

  async send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    return this.#json(await this.#send(method, path, body), schema);
  }

  async text(path: string): Promise<string> {
    return (await this.#send('GET', path)).text();
  }

  async bytes(path: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#send('GET', path)).arrayBuffer());
  }

  /** The answer as it comes; its status is 2xx. */
  async stream(path: string, body: object, signal: AbortSignal): Promise<Response> {
    return this.#send('POST', path, body, signal);
  }

  async #json<T>(response: Response, schema: z.ZodType<T>): Promise<T> {
    const parsed = schema.safeParse(await response.json().catch(() => undefined));
    if (parsed.success) return parsed.data;
    throw new CommandFailed(`${this.origin} gave an answer that this command does not understand. Is it a Sluice of this version?`);
  }

  async #send(method: string, path: string, body?: object, signal: AbortSignal = AbortSignal.timeout(ANSWER_DEADLINE_MS)): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.#base + path, {
        method,
        headers: { authorization: `Bearer ${this.#key}`, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        signal,
        redirect: 'error',
      });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new CommandFailed(`No platform answers at ${this.origin} (${reason(error)}).\nStart it with: sluice up`);
    }
    if (!response.ok) throw await this.#refusal(response, body);
    return response;
  }

  async #refusal(response: Response, body?: object): Promise<CommandFailed> {
    const text = (await response.text().catch(() => '')).slice(0, MAX_ERROR_BODY_CHARACTERS);
    const parsed = errorEnvelope.safeParse(parseJson(text));
    const message = parsed.success ? printable(parsed.data.error.message) : `${this.origin} answered with HTTP status ${response.status}.`;
    return new CommandFailed([message, ...hint(response.status, parsed.data?.error.code, body)].join('\n'));
  }
}

function hint(status: number, code: string | null | undefined, asked?: object): string[] {
  if (status === 401) return ['The key is not the one of this platform, was revoked or has expired. Look at SLUICE_ADMIN_KEY, SLUICE_API_KEY or --data.'];
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
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return cause instanceof Error ? cause.message : 'no connection';
}
