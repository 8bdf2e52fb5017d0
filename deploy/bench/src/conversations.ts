/**
 * `node --conditions=@sluice/source --import ./deploy/host/source-loader.mjs deploy/bench/src/conversations.ts`: what the money of a
 * call costs between two processes, over gRPC with mutual TLS: a conversation of a hold and a settlement with a billing that
 * answers at once, at 1 and 64 callers, CPU of each side a conversation and the time of one. `plain` behind the command has each
 * conversation on a stream of its own; `NODE_OPTIONS=--cpu-prof` before it writes a profile of both sides.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepCertificates } from '@sluice/certificates';
import { systemClock, systemIds } from '@sluice/clock';
import { BillingService, type SpendRequest } from '@sluice/proto/billing/v1/billing';
import type { Client, Implementation } from '@sluice/rpc';
import { CertificateFiles, GrpcClient, GrpcServer } from '@sluice/rpc/grpc';
import { silentLogger } from '@sluice/telemetry';

const CALLS = 10_000;
const WARM_UP_CALLS = 4_000;
const clock = systemClock;
const hold = { amountNano: 5_000n, limited: true, outputTokens: 256n };
const price = { id: 'price_1', model: 'small', currency: 'EUR', inputNano: 10n, outputNano: 20n };
const ASKED: SpendRequest['step'][] = [
  { case: 'hold', value: { $typeName: 'billing.v1.HoldRequest', callId: 'call_01jd3k5m7n9p1q3r5s7t9v1w3x', organisationId: 'org_01jd3k5m7n9p1q3r5s7t9v1w3x', projectId: 'proj_01jd3k5m7n9p1q3r5s7t9v1w3x', keyId: 'key_01jd3k5m7n9p1q3r5s7t9v1w3x', model: 'small', producer: 'data-plane-1', epoch: 7n, inputTokensBound: 400n, outputTokens: 256n, outputTokensBound: 256n, leastOutputTokens: 1n } },
  { case: 'settle', value: { $typeName: 'billing.v1.SettleRequest', counts: { $typeName: 'chat.v1.Counts', inputTokens: 100n, outputTokens: 50n, cachedInputTokens: 0n, reasoningTokens: 0n, estimated: false } } },
];

const filesOf = (folder: string, name: string) => CertificateFiles.open({ caFile: join(folder, 'ca.pem'), certificateFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) }, clock, silentLogger);

async function serve(folder: string): Promise<void> {
  const server = new GrpcServer({ clock, exchanges: true, certificates: await filesOf(folder, 'billing'), callers: () => ['gateway'] });
  server.serve(BillingService, {
    async *spend(requests) {
      for await (const { step } of requests) yield step.case === 'hold' ? { step: { case: 'grant', value: { hold, price, affordableOutputTokens: 256n } } } : { step: { case: 'settlement', value: { costNano: 2_000n } } };
    },
  } as Partial<Implementation<typeof BillingService>> as Implementation<typeof BillingService>);
  process.send!(await server.listen('127.0.0.1:0'));
  process.on('message', () => process.send!(process.cpuUsage()));
  process.once('disconnect', () => process.exit(0));
}

/** As the gateway has it: one question at a time, the stream ended by its caller. */
async function converse(billing: Client<typeof BillingService>): Promise<void> {
  let [asked, wake] = [0, (): void => undefined];
  let answered = 0;
  async function* asks() {
    for (; asked < ASKED.length; asked++) {
      if (answered < asked) await new Promise<void>((resolve) => (wake = resolve));
      yield { step: ASKED[asked]! };
    }
    if (answered < asked) await new Promise<void>((resolve) => (wake = resolve));
  }
  for await (const _ of billing.spend(asks())) {
    answered++;
    wake();
  }
}

async function measure(callers: number, count: number, billing: Client<typeof BillingService>, serverCpu: () => Promise<NodeJS.CpuUsage>): Promise<string> {
  const [startedMs, cpu, theirs] = [performance.now(), process.cpuUsage(), await serverCpu()];
  const took: number[] = [];
  let left = count;
  await Promise.all(Array.from({ length: callers }, async () => {
    while (left-- > 0) {
      const beginMs = performance.now();
      await converse(billing);
      took.push(performance.now() - beginMs);
    }
  }));
  const [ours, theirsNow, wallMs] = [process.cpuUsage(cpu), await serverCpu(), performance.now() - startedMs];
  const eachUs = (cpuUs: number): string => (cpuUs / count).toFixed(0).padStart(4);
  took.sort((one, other) => one - other);
  const at = (share: number): string => took[Math.floor(took.length * share)]!.toFixed(2);
  return `${String(callers).padStart(2)} callers: caller ${eachUs(ours.user + ours.system)} µs, billing ${eachUs(theirsNow.user + theirsNow.system - theirs.user - theirs.system)} µs of CPU each, ${((1000 * count) / wallMs).toFixed(0)} a second, p50 ${at(0.5)} p99 ${at(0.99)} ms`;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  await keepCertificates(folder, [{ name: 'billing', services: ['billing'], hosts: [] }, { name: 'gateway', services: ['gateway'], hosts: [] }], clock, systemIds(clock));
  const child = fork(import.meta.filename, ['serve', folder]);
  const [port] = (await once(child, 'message')) as [number];
  const certificates = await filesOf(folder, 'gateway');
  const client = new GrpcClient({ addresses: [`127.0.0.1:${port}`], clock, tls: { certificates, peer: 'billing' }, exchanges: process.argv[2] !== 'plain' });
  const billing = client.connect(BillingService);
  const serverCpu = async (): Promise<NodeJS.CpuUsage> => {
    child.send('cpu');
    return ((await once(child, 'message')) as [NodeJS.CpuUsage])[0];
  };
  for (const callers of [1, 64]) {
    await measure(callers, WARM_UP_CALLS, billing, serverCpu);
    console.log(await measure(callers, CALLS, billing, serverCpu));
  }
  client.close();
  certificates.stop();
  child.disconnect();
  await once(child, 'exit');
  await rm(folder, { recursive: true });
}

await (process.argv[2] === 'serve' ? serve(process.argv[3]!) : main());
