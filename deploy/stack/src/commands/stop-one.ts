import type { Engine, Say } from '../engines/engine.ts';
import { endProcess } from '../processes/end-process.ts';
import type { Running } from '../running.ts';

/** Ends one engine, by force when it does not go by itself, and clears up after it. */
export async function stopOne(engine: Engine, running: Running, say: Say): Promise<void> {
  const server = running.processOf(engine.name);
  if (server === undefined) return;
  const startedMs = performance.now();
  const how = await endProcess(server, engine.stop.signal, engine.stop.patienceMs);
  await engine.clear?.();
  await running.remove(engine);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  say(how === 'killed' ? `${engine.name}: did not stop in ${engine.stop.patienceMs / 1000} s and was killed` : `${engine.name}: stopped in ${seconds} s`);
}
