import type { EngineStatus } from '@sluice/stack';
import { table } from '../terminal/table.ts';

/** Each server, where it is, and what it said when it was asked. */
export function stackScreen(engines: readonly EngineStatus[]): string {
  return table(['engine', 'state', 'pid', 'address', 'says'], engines.map(({ name, state, pid, address, says }) => [name, state, String(pid ?? '-'), address, says]));
}
