import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { freeOffset, HOST, OFFSET_STEP, portsAt, portsMoved } from './ports.ts';

describe('ports', () => {
  it('of twenty stacks never meet, and lie below what systems give to outgoing connections', () => {
    const all = Array.from({ length: 20 }, (_, index) => Object.values(portsAt(index * OFFSET_STEP)).flat()).flat();
    expect(new Set(all).size).toBe(all.length);
    expect(Math.max(...all)).toBeLessThan(32_768);
  });

  it('move as a whole when one of them is taken', async () => {
    const { offset: before } = await freeOffset();
    const stranger = createServer().listen({ host: HOST, port: portsAt(before).redis });
    await once(stranger, 'listening');
    const { offset: moved, taken } = await freeOffset(before);
    expect(moved).not.toBe(before);
    expect(moved % OFFSET_STEP).toBe(0);
    expect(taken).toBe(portsAt(before).redis);
    expect(portsMoved(taken!, before, moved)).toMatch(new RegExp(`^ports moved by ${moved - before}, because ${taken} is taken by another program \\(.*Redis at ${portsAt(moved).redis}`));
    await new Promise((closed) => stranger.close(closed));
  });
});
