/**
 * An OpenAI-compatible upstream that costs as little as it can: fixed answers, tokens with leading spaces as real
 * tokenisers have them. Each streamed token carries the time it was sent, so that the load generator can tell how long
 * a gateway kept it. Runs as a process of its own: `mock-upstream.ts PORT`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stamp } from './stamp.ts';

const [port] = process.argv.slice(2).map(Number);
const ANSWER_WORDS = 40;
const counts = { requests: 0, chunks: 0, open: 0, cancelled: 0 };

const whole = JSON.stringify({
  id: 'chatcmpl-mock', object: 'chat.completion', created: 1_700_000_000, model: 'mock-model',
  choices: [{ index: 0, message: { role: 'assistant', content: ' token'.repeat(ANSWER_WORDS), refusal: null }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 120, completion_tokens: ANSWER_WORDS, total_tokens: 120 + ANSWER_WORDS },
});
const chunk = (choices: string, usage = '') => `data: {"id":"chatcmpl-mock","object":"chat.completion.chunk","created":1700000000,"model":"mock-model","choices":[${choices}]${usage}}\n\n`;

interface Script {
  readonly stream: boolean;
  readonly chunks: number;
  readonly gapMs: number;
}

function answer(response: ServerResponse, script: Script): void {
  counts.requests++;
  if (!script.stream) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(whole) });
    response.end(whole);
    return;
  }
  counts.open++;
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(chunk('{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}'));
  let sent = 0;
  const next = (): void => {
    if (sent++ < script.chunks) {
      counts.chunks++;
      response.write(chunk(`{"index":0,"delta":{"content":" ${stamp()}"},"finish_reason":null}`));
      return;
    }
    clearInterval(timer);
    response.write(chunk('{"index":0,"delta":{},"finish_reason":"stop"}'));
    response.end(`${chunk('', `,"usage":{"prompt_tokens":120,"completion_tokens":${script.chunks},"total_tokens":${120 + script.chunks}}`)}data: [DONE]\n\n`);
  };
  const timer = setInterval(next, script.gapMs);
  response.on('close', () => {
    counts.open--;
    if (!response.writableFinished) counts.cancelled++;
    clearInterval(timer);
  });
}

/** How to answer stands in the request's `user`: `chunks=64;gap=10`. A gateway passes that field on as it is. */
function scriptOf(body: string): Script {
  const figure = (name: string) => Number(new RegExp(`${name}=(\\d+)`).exec(body)?.[1] ?? 0);
  return { stream: body.includes('"stream":true'), chunks: figure('chunks'), gapMs: figure('gap') };
}

const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(request.url === '/counts' ? counts : { object: 'list', data: [{ id: 'mock-model', object: 'model' }] }));
    return;
  }
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part)).on('end', () => answer(response, scriptOf(Buffer.concat(parts).toString())));
});
server.keepAliveTimeout = 120_000;
server.listen(port, '127.0.0.1');
process.on('disconnect', () => server.close(() => server.closeAllConnections()));
