/**
 * `node --conditions=@sluice/source --import ./deploy/host/source-loader.mjs deploy/bench/src/rpc.ts`: what a call between two
 * services costs in process, over gRPC and over gRPC with mutual TLS, both ends in this process: calls a second and CPU a
 * call at 1 and 64 callers with a request of 1 kB, CPU a streamed message, CPU a turn of a stream both ways.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepCertificates } from '@sluice/certificates';
import { systemClock, systemIds } from '@sluice/clock';
import { InferenceService } from '@sluice/proto/inference/v1/inference';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { InProcessTransport, type Implementation, type Transport } from '@sluice/rpc';
import { CertificateFiles, GrpcClient, GrpcServer } from '@sluice/rpc/grpc';
import { silentLogger } from '@sluice/telemetry';

const CALLS = 10_000;
const MESSAGES = 50_000;
const TURNS = 5_000;
const clock = systemClock;
const name = 'x'.repeat(1000);

interface Pair {
  readonly server: Pick<Transport, 'serve'>;
  readonly client: Pick<Transport, 'connect'>;
  stop(): Promise<void>;
}

/** Microseconds of CPU and of time that each of `count` parts of the work took; the first run warms up and is not counted. */
async function measure(count: number, work: () => Promise<void>): Promise<{ cpuUs: number; aSecond: number }> {
  await work();
  const [startedMs, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { cpuUs: Math.round((10 * (user + system)) / count) / 10, aSecond: Math.round((count * 1000) / (performance.now() - startedMs)) };
}

async function measurePair({ server, client }: Pair): Promise<Record<string, { cpuUs: number; aSecond: number }>> {
  server.serve(GRPCInferenceService, {
    modelReady: async () => ({ ready: true }),
    async *modelStreamInfer(requests) { for await (const { id } of requests) yield { inferResponse: { id } }; },
  } as Partial<Implementation<typeof GRPCInferenceService>> as Implementation<typeof GRPCInferenceService>);
  server.serve(InferenceService, {
    async *streamChat() { for (;;) yield { events: [{ event: { case: 'delta', value: { text: 'token' } } }] }; },
  } as Partial<Implementation<typeof InferenceService>> as Implementation<typeof InferenceService>);
  const [models, inference] = [client.connect(GRPCInferenceService), client.connect(InferenceService)];
  const calls = (callers: number) => measure(CALLS, async () => {
    let left = CALLS;
    await Promise.all(Array.from({ length: callers }, async () => { while (left-- > 0) await models.modelReady({ name }, { timeoutMs: 10_000 }); }));
  });
  const stream = () => measure(MESSAGES, async () => {
    let read = 0;
    for await (const _ of inference.streamChat({})) if (++read === MESSAGES) break;
  });
  const turns = () => measure(TURNS, async () => {
    let [asked, answered, wake] = [0, 0, (): void => undefined];
    async function* asks() {
      for (; asked < TURNS; asked++) {
        if (answered < asked) await new Promise<void>((resolve) => (wake = resolve));
        yield { id: 'a' };
      }
    }
    for await (const _ of models.modelStreamInfer(asks())) {
      answered++;
      wake();
    }
  });
  return { '1 caller': await calls(1), '64 callers': await calls(64), 'streamed message': await stream(), 'turn of a stream': await turns() };
}

async function grpcPair(certificates?: CertificateFiles): Promise<Pair> {
  const server = new GrpcServer({ clock, ...(certificates && { certificates }) });
  const addresses = [`127.0.0.1:${await server.listen('127.0.0.1:0')}`];
  const client = new GrpcClient({ addresses, clock, ...(certificates && { tls: { certificates, peer: 'bench' } }) });
  return { server, client, stop: async () => (client.close(), await server.stop(0)) };
}

const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
await keepCertificates(folder, [{ name: 'bench', services: ['bench'], hosts: [] }], clock, systemIds(clock));
const certificates = await CertificateFiles.open({ caFile: join(folder, 'ca.pem'), certificateFile: join(folder, 'bench.pem'), keyFile: join(folder, 'bench.key') }, clock, silentLogger);
const local = new InProcessTransport({ clock });
const pairs = { 'in process': { server: local, client: local, stop: async () => undefined }, gRPC: await grpcPair(), 'gRPC, mutual TLS': await grpcPair(certificates) };
for (const [kind, pair] of Object.entries(pairs)) {
  for (const [what, { cpuUs, aSecond }] of Object.entries(await measurePair(pair))) console.log(`${kind.padEnd(18)} ${what.padEnd(18)} ${String(aSecond).padStart(8)} a second ${String(cpuUs).padStart(7)} µs of CPU`);
  await pair.stop();
}
certificates.stop();
await rm(folder, { recursive: true });
