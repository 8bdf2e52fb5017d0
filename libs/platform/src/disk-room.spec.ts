import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskRoom } from './disk-room.ts';

let room: DiskRoom | undefined;
afterEach(() => room?.stop());

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
