import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import { tmpdir } from 'node:os';
import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { DiskRoom, startRoom } from './disk-room.ts';

let room: DiskRoom | undefined;
afterEach(() => room?.stop());

describe('the room for a start', () => {
  it('is what a running platform keeps free, and the size of a new database where there is none', () => {
    const [first, again] = [startRoom(tmpdir(), true), startRoom(tmpdir(), false)];
    expect([first.neededBytes, again.neededBytes]).toEqual([160 * 2 ** 20, 96 * 2 ** 20]);
    expect(first.freeBytes).toBeGreaterThan(0);
    expect(first.freeBytes).toBeLessThanOrEqual(statfsSync(tmpdir()).blocks * statfsSync(tmpdir()).bsize);
  });
});

describe('DiskRoom', () => {
  it('has room on a disk with room', async () => {
    room = new DiskRoom(tmpdir(), new ManualClock(), silentLogger);
    await room.look();
    expect({ enough: room.enough, health: room.health() }).toEqual({ enough: true, health: { status: 'ok' } });
  });

  it('takes calls and warns when the disk cannot be looked at: a watch that fails must not stop the house', async () => {
    const warn = jest.fn();
    room = new DiskRoom(join(tmpdir(), 'there-is-no-such-folder'), new ManualClock(), { ...silentLogger, warn });
    await room.look();
    expect(room.enough).toBe(true);
    expect(warn).toHaveBeenCalled();
  });
});
