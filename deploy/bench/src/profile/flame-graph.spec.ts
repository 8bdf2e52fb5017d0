import { describe, expect, it } from '@jest/globals';
import type { Frame } from './cpu-profile.ts';
import { flameGraph } from './flame-graph.ts';

const frame = (name: string, part: string, totalUs: number, ...children: Frame[]): Frame => ({ name, part, totalUs, selfUs: 0, children: new Map(children.map((child) => [child.name, child])) });

describe('a flame graph', () => {
  const picture = flameGraph(frame('all', '', 1_000, frame('small', 'libs/rpc', 250), frame('run<T>', 'gateway', 500, frame('tiny', 'pg', 1))), 'What "costs"');

  it('draws callers below what they call, as wide as their time, the widest first', () => {
    expect([...picture.matchAll(/<title>(.*?)<\/title><rect x="(\S+)" y="(\S+)" width="(\S+)"/g)].map(([, ...found]) => found)).toEqual([
      ['all (100.0 %)', '0', '0', '1199.7'],
      ['gateway: run&lt;T&gt; (50.0 %)', '0', '-16', '599.7'],
      ['libs/rpc: small (25.0 %)', '600', '-16', '299.7'],
    ]);
  });

  it('leaves out what cannot be seen, and quotes what a name may hold', () => {
    expect([picture.includes('tiny'), picture.includes('What &quot;costs&quot;')]).toEqual([false, true]);
  });
});
