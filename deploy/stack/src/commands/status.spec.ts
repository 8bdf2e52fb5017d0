import { describe, expect, it } from '@jest/globals';
import { withoutPassword } from './status.ts';
import { lackedBy } from './up.ts';

describe('what a status shows', () => {
  it.each([
    ['postgresql://sluice:secret@127.0.0.1:1/postgres', 'postgresql://sluice@127.0.0.1:1/postgres'],
    ['redis://:secret@127.0.0.1:2', 'redis://127.0.0.1:2'],
    ['127.0.0.1:3', '127.0.0.1:3'],
  ])('has no password: %s', (address, shown) => {
    expect(withoutPassword(address)).toBe(shown);
  });

  it('names what is missing once, with every engine that needs it', () => {
    expect(lackedBy([{ engine: 'kafka-2', lacks: 'Java' }, { engine: 'redis', lacks: 'dpkg' }, { engine: 'kafka-1', lacks: 'Java' }])).toEqual(['kafka-1, kafka-2: Java', 'redis: dpkg']);
  });
});
