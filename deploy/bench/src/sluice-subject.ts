import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, repositoryRoot, stop, until } from './child.ts';
import { govern, type AdminApi } from './govern.ts';
import type { Subject } from './subject.ts';

/** Everything recorded, nothing set. */
export const UNGOVERNED = 'Sluice, no rules';
export const GOVERNED = 'Sluice, everything on';

export const MODEL = 'mock-model';

/** The one deployment takes all calls of a thousand connections; by default it would be sent 512 at once, and what comes above them at the start is refused. */
export const MANY_CALLS = 'SLUICE_DEPLOYMENT_CONCURRENCY=1024';

/** Who reads every segment. */
const CONSUMERS = ['audit', 'billing'];

interface Ready {
  readonly url: string;
  readonly adminUrl: string;
  readonly apiKey: string;
  readonly adminKey: string;
  readonly pid: number;
}

/** The whole platform as a user starts it, with its own PostgreSQL and an empty data folder; governed, with everything set that can be. @param nodeOptions of its process */
export async function sluiceSubject(upstreamPort: number, governed: boolean, nodeOptions = ''): Promise<Subject & { readonly admin: AdminApi; fronts(): number[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const readyFile = join(folder, 'ready.json');
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = spawn('env', [`NODE_OPTIONS=${nodeOptions}`, MANY_CALLS, join(repositoryRoot, 'sluice'), 'up', '--no-model', '--port', String(port), '--admin-port', String(adminPort), '--data', join(folder, 'data'), '--ready-file', readyFile], { stdio: ['ignore', 'ignore', 'inherit'] });
  const end = async (): Promise<void> => {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`sluice up ended with ${child.exitCode}`);
      return existsSync(readyFile);
    });
    const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as Ready;
    await makeUsable(ready, upstreamPort, governed);
    return {
      admin: ready,
      name: governed ? GOVERNED : UNGOVERNED, port, key: ready.apiKey, model: MODEL,
      fronts: () => [ready.pid],
      pids: () => [ready.pid, ...postgresPids(join(folder, 'data'))],
      drained: () => until(async () => (await lagOf(ready.url, CONSUMERS)) === 0),
      stop: end,
    };
  } catch (thrown) {
    await end();
    throw thrown;
  }
}

/** With a model that answers. */
export async function makeUsable(ready: Pick<Ready, 'url' | 'adminUrl' | 'apiKey' | 'adminKey'>, upstreamPort: number, governed: boolean): Promise<void> {
  const added = await fetch(`${ready.adminUrl}/admin/v1/models`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ready.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: MODEL, openai: { base_url: `http://127.0.0.1:${upstreamPort}/v1`, upstream_model: MODEL } }),
  });
  if (!added.ok) throw new Error(`could not add the model: ${added.status} ${await added.text()}`);
  await until(async () => (await chat(new URL(ready.url).port, ready.apiKey)) === 200);
  if (governed) await govern(ready, MODEL);
}

/** PostgreSQL is detached from the platform's process tree; its own file names its first process. */
function postgresPids(dataFolder: string): number[] {
  const file = join(dataFolder, 'postgres', 'postmaster.pid');
  return existsSync(file) ? [Number(readFileSync(file, 'utf8').split('\n')[0])] : [];
}

async function chat(port: string, key: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'hi' }] }) });
  await answer.text();
  return answer.status;
}

/** Segments that some of audit and billing have not taken in yet, from the metrics of a process. */
export async function lagOf(url: string, consumers: readonly string[]): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return consumers.reduce((segments, consumer) => {
    const match = new RegExp(`^sluice_${consumer}_lag\\S* (\\S+)$`, 'm').exec(text);
    if (!match) throw new Error(`the platform does not say how far behind ${consumer} is`);
    return segments + Number(match[1]);
  }, 0);
}
