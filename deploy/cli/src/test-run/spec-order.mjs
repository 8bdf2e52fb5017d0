import sequencer from '@jest/test-sequencer';

// A CommonJS module, which Node and Jest import each in its own way.
const Sequencer = typeof sequencer === 'function' ? sequencer : sequencer.default;

/** The two that start whole houses and load them; each takes both cores for minutes. */
const FIRST = 'deploy/scenarios/src/mesh.spec.ts';
const LATER = 'deploy/scenarios/src/all-in-one.spec.ts';
/** Behind so much of the other specs the first of the two has long ended (at a tenth), and enough is left to run beside the second. */
const LATER_AT = 0.2;
/** Measures how long things take: by `sluice test` it runs when all others have ended, by Jest itself as late as can be. */
const LAST = 'deploy/chaos/src/chaos.spec.ts';

/** Jest's own order, but for specs that would take each other's time if they ran side by side. */
export default class SpecOrder extends Sequencer {
  sort(tests) {
    const ordered = super.sort(tests);
    const [first, later, last] = [FIRST, LATER, LAST].map((name) => ordered.filter(({ path }) => path.endsWith(name)));
    const others = ordered.filter((test) => ![first, later, last].flat().includes(test));
    const at = Math.floor(others.length * LATER_AT);
    return [...first, ...others.slice(0, at), ...later, ...others.slice(at), ...last];
  }
}
