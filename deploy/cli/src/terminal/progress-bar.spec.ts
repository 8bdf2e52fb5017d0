import { describe, expect, it } from '@jest/globals';
import { ProgressBar } from './progress-bar.ts';

const STEPS = 500;

function drawn(isTTY: boolean): string {
  let text = '';
  const bar = new ProgressBar('bringing', { isTTY, write: (piece: string) => (text += piece) !== '' } as NodeJS.WriteStream);
  for (let round = 0; round < 2; round++) for (let step = 0; step <= STEPS; step++) bar.update(step * 100_000, STEPS * 100_000);
  bar.end();
  return text;
}

describe('progress', () => {
  it('is a few lines where no terminal redraws them, however many steps there are', () => {
    expect(drawn(false)).toBe('bringing 0%\nbringing 25%\nbringing 50%\nbringing 75%\nbringing 100%\n');
  });

  it('is one line on a terminal', () => {
    expect(drawn(true).match(/\n/g)).toHaveLength(1);
  });
});
