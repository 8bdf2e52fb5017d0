/** An OpenAI-compatible upstream in a process of its own, which tells its port when it listens. What it says: `answer-text.ts`. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { callOf, plannedAnswer, type PlannedAnswer } from './answer-text.ts';

/** What it tells its parent. */
export interface UpstreamReady {
  readonly port: number;
}

const PROMPT_TOKENS = 20;
const KEEP_ALIVE_MS = 120_000;

function piece(choice: object | undefined, usage?: object): string {
  return `data: ${JSON.stringify({ id: 'chatcmpl-chaos', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'chaos', choices: choice ? [{ index: 0, finish_reason: null, ...choice }] : [], ...(usage && { usage }) })}\n\n`;
}

function usageOf({ pieces }: PlannedAnswer, sent = pieces.length): object {
  return { prompt_tokens: PROMPT_TOKENS, completion_tokens: sent, total_tokens: PROMPT_TOKENS + sent };
}

async function stream(answer: PlannedAnswer, pieces: readonly string[], response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(piece({ delta: { role: 'assistant', content: '' } }));
  for (const content of pieces) {
    await pause(answer.gapMs);
    if (response.destroyed) return;
    response.write(piece({ delta: { content } }));
  }
  response.write(piece({ delta: {}, finish_reason: pieces.length < answer.pieces.length ? 'length' : 'stop' }));
  response.end(`${piece(undefined, usageOf(answer, pieces.length))}data: [DONE]\n\n`);
}

async function whole(answer: PlannedAnswer, pieces: readonly string[], response: ServerResponse): Promise<void> {
  await pause(answer.gapMs);
  const message = { role: 'assistant', content: pieces.join(''), refusal: null };
  const finish = pieces.length < answer.pieces.length ? 'length' : 'stop';
  json(response, { id: 'chatcmpl-chaos', object: 'chat.completion', created: 1_700_000_000, model: 'chaos', choices: [{ index: 0, message, finish_reason: finish }], usage: usageOf(answer, pieces.length) });
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** A bound on the answer that a budget near its end sets is kept, as real servers keep it. */
function boundOf(body: string): number {
  const [, digits] = /"max_(?:completion_)?tokens":(\d+)/.exec(body) ?? [];
  return digits === undefined ? Number.POSITIVE_INFINITY : Number(digits);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') return json(response, { object: 'list', data: [{ id: 'chaos', object: 'model' }] });
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  const body = Buffer.concat(parts).toString();
  const planned = plannedAnswer(callOf(body) ?? 0);
  const pieces = planned.pieces.slice(0, boundOf(body));
  await (body.includes('"stream":true') ? stream : whole)(planned, pieces, response);
}

// A client that leaves in the middle of its request is no fault of the upstream.
const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.send!({ port: (server.address() as AddressInfo).port } satisfies UpstreamReady);
process.on('disconnect', () => process.exit());
