import { freePort, startScript, stop } from './child.ts';
import type { Subject } from './subject.ts';

/** The upstream itself, with nothing in front. */
export function upstreamSubject(port: number, pid: number): Subject {
  return { name: 'bare upstream', port, key: 'bench', model: 'mock-model', pids: () => [pid], drained: async () => undefined, stop: async () => undefined };
}

/** One of the two bare proxies. */
export async function proxySubject(name: string, script: string, upstreamPort: number): Promise<Subject> {
  const port = await freePort();
  const child = await startScript(script, port, [String(upstreamPort)]);
  return { name, port, key: 'bench', model: 'mock-model', pids: () => [child.pid!], drained: async () => undefined, stop: () => stop(child) };
}
