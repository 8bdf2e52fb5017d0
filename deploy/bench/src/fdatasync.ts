import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { percentiles, type Percentiles } from './percentiles.ts';

const ROUNDS = 200;
const BLOCK = Buffer.alloc(8192, 1);

/** How long this disk takes to make 8 KiB durable, in milliseconds: the floor under every write-ahead. */
export function fdatasyncTime(): Percentiles {
  const file = join(tmpdir(), `sluice-fdatasync-${process.pid}`);
  const descriptor = openSync(file, 'w');
  try {
    return percentiles(Array.from({ length: ROUNDS }, (_, round) => {
      writeSync(descriptor, BLOCK, 0, BLOCK.length, round * BLOCK.length);
      const startedMs = performance.now();
      fdatasyncSync(descriptor);
      return performance.now() - startedMs;
    }));
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}
