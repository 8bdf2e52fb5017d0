import { LogFault } from './fault.ts';
import { HASH_BYTES } from './merkle-hash.ts';

/** The state of a log at one moment (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** Names the log for ever. */
  readonly origin: string;
  /** Entries in the log. */
  readonly size: bigint;
  readonly root: Uint8Array;
}

const MAX_SIZE = (1n << 63n) - 1n;

/** The text that is signed: origin, size and root, a line each. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** Extension lines are passed over: nothing in this house acts on them. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, sizeText, rootText] = text.split('\n');
  if (!origin || !sizeText || !rootText || !/^(0|[1-9][0-9]{0,18})$/.test(sizeText)) throw new LogFault('checkpoint', 'This is no checkpoint: it must hold origin, size and root.');
  const root = Buffer.from(rootText, 'base64');
  const size = BigInt(sizeText);
  if (root.length !== HASH_BYTES || root.toString('base64') !== rootText || size > MAX_SIZE) throw new LogFault('checkpoint', 'The size or the root of this checkpoint is malformed.');
  return { origin, size, root };
}
