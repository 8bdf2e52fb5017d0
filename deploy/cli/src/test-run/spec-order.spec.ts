import { describe, expect, it } from '@jest/globals';

interface Test {
  readonly path: string;
  readonly context: object;
}

const { default: SpecOrder } = (await import(new URL('./spec-order.mjs', import.meta.url).pathname)) as { default: new (options: object) => { sort(tests: Test[]): Test[] } };

/** Of files by their paths: larger ones come first where Jest has not seen how long each takes. */
const sizes = new Map<string, number>();
const CONTEXT = { config: { id: 'sluice', cache: false }, hasteFS: { getSize: (path: string) => sizes.get(path) } };
/** Each larger than those behind it. */
const specs = (...names: string[]): Test[] => names.map((name, index) => {
  const path = `/repository/${name}`;
  sizes.set(path, names.length - index);
  return { path, context: CONTEXT };
});
const sorted = (tests: Test[]): string[] => new SpecOrder({ contexts: [CONTEXT], globalConfig: {} }).sort(tests).map(({ path }) => path.slice('/repository/'.length));

describe('the order of specs', () => {
  const [mesh, allInOne, chaos] = ['deploy/scenarios/src/mesh.spec.ts', 'deploy/scenarios/src/all-in-one.spec.ts', 'deploy/chaos/src/chaos.spec.ts'] as const;
  const others = Array.from({ length: 10 }, (_, index) => `libs/some/src/${index}.spec.ts`);

  it('begins with one house, has the other one behind a fifth of the rest, and ends with what measures', () => {
    expect(sorted(specs(chaos, allInOne, ...others, mesh))).toEqual([mesh, ...others.slice(0, 2), allInOne, ...others.slice(2), chaos]);
  });

  it('is that of Jest for all others, whichever of them are there', () => {
    expect(sorted(specs(...others))).toEqual(others);
    expect(sorted(specs('deploy/chaos/src/proxy/tcp-proxy.spec.ts', allInOne))).toEqual([allInOne, 'deploy/chaos/src/proxy/tcp-proxy.spec.ts']);
    expect(sorted([])).toEqual([]);
  });
});
