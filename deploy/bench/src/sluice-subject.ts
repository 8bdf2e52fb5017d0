import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, repositoryRoot, stop, until } from './child.ts';
import type { Subject } from './subject.ts';

interface Ready {
  readonly url: string;
  readonly adminUrl: string;
  readonly apiKey: string;
  readonly adminKey: string;
  readonly pid: number;
}

/** The whole platform as a user starts it, with its own PostgreSQL and an empty data folder. */
export async function sluiceSubject(upstreamPort: number): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const readyFile = join(folder, 'ready.json');
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = spawn(join(repositoryRoot, 'sluice'), ['up', '--no-model', '--port', String(port), '--admin-port', String(adminPort), '--data', join(folder, 'data'), '--ready-file', readyFile], { stdio: ['ignore', 'ignore', 'inherit'] });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`sluice up ended with ${child.exitCode}`);
    return existsSync(readyFile);
  });
  const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as Ready;
  const added = await fetch(`${ready.adminUrl}/admin/v1/models`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ready.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'mock-model', openai: { base_url: `http://127.0.0.1:${upstreamPort}/v1`, upstream_model: 'mock-model' } }),
  });
  if (!added.ok) throw new Error(`could not add the model: ${added.status} ${await added.text()}`);
  await until(async () => (await chat(port, ready.apiKey)) === 200);
  return {
    name: 'Sluice, everything on', port, key: ready.apiKey, model: 'mock-model',
    pids: () => [ready.pid, ...postgresPids(join(folder, 'data'))],
    drained: () => until(async () => (await lag(ready.url)) === 0),
    async stop() {
      await stop(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL is detached from the platform's process tree; its own file names its first process. */
function postgresPids(dataFolder: string): number[] {
  const file = join(dataFolder, 'postgres', 'postmaster.pid');
  return existsSync(file) ? [Number(readFileSync(file, 'utf8').split('\n')[0])] : [];
}

async function chat(port: number, key: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ model: 'mock-model', messages: [{ role: 'user', content: 'hi' }] }) });
  await answer.text();
  return answer.status;
}

/** Segments that audit has not integrated yet, from the platform's own metrics. */
async function lag(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const match = /^sluice_audit_lag\S* (\S+)$/m.exec(text);
  if (!match) throw new Error('the platform does not say how far behind the audit is');
  return Number(match[1]);
}
