import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { freeOffset, HOST, OFFSET_STEP, portsAt } from './ports.ts';

describe('ports', () => {
  it('of twenty stacks never meet, and lie below what systems give to outgoing connections', () => {
    const all = Array.from({ length: 20 }, (_, index) => Object.values(portsAt(index * OFFSET_STEP)).flat()).flat();
    expect(new Set(all).size).toBe(all.length);
    expect(Math.max(...all)).toBeLessThan(32_768);
  });

  it('move as a whole when one of them is taken', async () => {
    const before = await freeOffset();
    const stranger = createServer().listen({ host: HOST, port: portsAt(before).redis });
    await once(stranger, 'listening');
    const moved = await freeOffset(before);
    expect(moved).not.toBe(before);
    expect(moved % OFFSET_STEP).toBe(0);
    await new Promise((closed) => stranger.close(closed));
  });
});
