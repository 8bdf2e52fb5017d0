/**
 * The load generator, a process of its own: `load.ts '{"port":...}'`. Closed loop over a fixed number of connections.
 * Prints one JSON object: what was answered, failed, and how long things took in milliseconds.
 */
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { ages } from './stamp.ts';
import { percentiles } from './percentiles.ts';
import type { LoadOptions, LoadResult } from './load-options.ts';

const options = JSON.parse(process.argv[2]!) as LoadOptions;
const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
const PROMPT = 'Please tell me in plain words how a write-ahead log keeps a promise. '.repeat(8);
const body = JSON.stringify({
  model: options.model,
  messages: [{ role: 'system', content: 'You are brief.' }, { role: 'user', content: PROMPT }],
  user: `chunks=${options.chunks};gap=${options.gapMs}`,
  stream: options.stream,
});
const latencies: number[] = [];
const firsts: number[] = [];
const transits: number[] = [];
const failures = new Map<string, number>();
let answered = 0;
let chunks = 0;

function once(): Promise<void> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    let text = '';
    const fail = (why: string) => {
      failures.set(why, (failures.get(why) ?? 0) + 1);
      resolve();
    };
    const call = request({ agent, host: '127.0.0.1', port: options.port, path: '/v1/chat/completions', method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${options.key}`, 'content-length': Buffer.byteLength(body) } }, (response) => {
      let first = true;
      response.setEncoding('utf8').on('data', (part: string) => {
        if (options.stream) {
          for (const ageMs of ages(part)) transits.push(ageMs);
          if (first && part.includes('zq')) {
            first = false;
            firsts.push(performance.now() - startedMs - options.gapMs);
          }
        }
        text += part;
      }).on('end', () => {
        if (response.statusCode !== 200) return fail(`status ${response.statusCode}${codeOf(text)}`);
        const got = text.match(/zq\d{16}/g)?.length ?? 0;
        if (options.stream && (got !== options.chunks || !text.endsWith('data: [DONE]\n\n'))) return fail(`stream with ${got} of ${options.chunks} chunks`);
        chunks += got;
        answered++;
        latencies.push(performance.now() - startedMs);
        resolve();
      }).on('error', () => fail('broken answer'));
    });
    call.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'error')).end(body);
  });
}

/** Which of the platform's errors it was; nothing of an answer that is none of them. */
function codeOf(answer: string): string {
  const code = /"code":\s*"(\w+)"/.exec(answer)?.[1];
  return code === undefined ? '' : ` ${code}`;
}

const startedMs = performance.now();
const untilMs = startedMs + options.durationMs;
await Promise.all(Array.from({ length: options.connections }, async () => {
  do {
    const nextMs = performance.now() + (options.everyMs ?? 0);
    await once();
    if (options.everyMs) await delay(Math.max(0, nextMs - performance.now()));
  } while (performance.now() < untilMs && !options.once);
}));
const result: LoadResult = {
  answered, chunks, durationMs: performance.now() - startedMs, failures: Object.fromEntries(failures),
  latencyMs: percentiles(latencies), firstTokenMs: percentiles(firsts), transitMs: percentiles(transits),
};
process.stdout.write(JSON.stringify(result));
agent.destroy();
