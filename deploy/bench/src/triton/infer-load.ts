/**
 * A load of KServe v2 inferences over HTTP, a process of its own: `infer-load.ts '{"url":...}'`. Closed loop over a fixed number of
 * connections. Prints one JSON object.
 */
import { Agent, request } from 'node:http';
import { percentiles, type Percentiles } from '../percentiles.ts';

export interface InferLoad {
  /** Ends before `/v2/models/...`. */
  readonly url: string;
  readonly key: string;
  readonly model: string;
  readonly connections: number;
  readonly durationMs: number;
}

export interface InferResult {
  readonly answered: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly latencyMs: Percentiles;
}

const options = JSON.parse(process.argv[2]!) as InferLoad;
const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }] });
const latencies: number[] = [];
let [answered, failed] = [0, 0];

function once(): Promise<void> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    const fail = (): void => {
      failed++;
      resolve();
    };
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${options.key}`, 'content-length': Buffer.byteLength(body) };
    const call = request(`${options.url}/v2/models/${options.model}/infer`, { agent, method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part)).on('error', fail).on('end', () => {
        if (response.statusCode !== 200 || !text.includes('"outputs"')) return fail();
        answered++;
        latencies.push(performance.now() - startedMs);
        resolve();
      });
    });
    call.on('error', fail).end(body);
  });
}

const startedMs = performance.now();
await Promise.all(Array.from({ length: options.connections }, async () => {
  while (performance.now() < startedMs + options.durationMs) await once();
}));
const seconds = (performance.now() - startedMs) / 1000;
process.stdout.write(JSON.stringify({ answered, failed, perSecond: answered / seconds, latencyMs: percentiles(latencies) } satisfies InferResult));
agent.destroy();
