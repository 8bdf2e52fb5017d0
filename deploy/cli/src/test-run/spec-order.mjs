import sequencer from '@jest/test-sequencer';

// A CommonJS module, which Node and Jest import each in its own way.
const Sequencer = typeof sequencer === 'function' ? sequencer : sequencer.default;

/** The two that start whole houses and load them; each takes both cores for minutes. */
const FIRST = 'deploy/scenarios/src/mesh.spec.ts';
const LATER = 'deploy/scenarios/src/all-in-one.spec.ts';
/** Behind so much of the other specs the first of the two has long ended (at a tenth), and enough is left to run beside the second. */
const LATER_AT = 0.2;

/** Jest's own order, but for two specs that would take each other's time if they ran side by side. */
export default class SpecOrder extends Sequencer {
  sort(tests) {
    const ordered = super.sort(tests);
    const isOne = (name) => ({ path }) => path.endsWith(name);
    const [first, later] = [ordered.filter(isOne(FIRST)), ordered.filter(isOne(LATER))];
    const others = ordered.filter((test) => !first.includes(test) && !later.includes(test));
    const at = Math.floor(others.length * LATER_AT);
    return [...first, ...others.slice(0, at), ...later, ...others.slice(at)];
  }
}
