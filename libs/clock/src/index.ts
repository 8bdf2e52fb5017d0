export { systemClock, type Clock, type Timer } from './clock.ts';
export { ManualClock } from './manual-clock.ts';
export { systemIds, type Ids } from './ids.ts';
