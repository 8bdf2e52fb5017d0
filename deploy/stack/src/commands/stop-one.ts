import type { Engine, Say } from '../engines/engine.ts';
import type { StackFolder } from '../folder/stack-folder.ts';
import { endProcess } from '../processes/end-process.ts';
import { endLeftBehind } from '../processes/left-behind.ts';
import type { Running } from '../running.ts';

/** Ends one engine, by force when it does not go by itself, and clears up after it; also after one that was killed. */
export async function stopOne(engine: Engine, { folder, running, say }: { folder: StackFolder; running: Running; say: Say }): Promise<void> {
  const server = running.processOf(engine.name);
  if (server === undefined) return clearAfter(engine, folder);
  const startedMs = performance.now();
  const how = await endProcess(server, engine.stop.signal, engine.stop.patienceMs);
  await clearAfter(engine, folder);
  await running.remove(engine);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  say(how === 'killed' ? `${engine.name}: did not stop in ${engine.stop.patienceMs / 1000} s and was killed` : `${engine.name}: stopped in ${seconds} s`);
}

/** To be called when its server does not run. */
export async function clearAfter(engine: Engine, folder: StackFolder): Promise<void> {
  await endLeftBehind(folder.lockOf(engine.name), engine.mark.program);
  await engine.clear?.();
}
