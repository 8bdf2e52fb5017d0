import type { ScriptedUpstream } from '@sluice/testkit';
import type { House } from '../house.ts';

/** Looks at what became of it when the house is there again; the name of the test that fails is the survivor's. */
export type Look = () => Promise<void>;

/** Brings it under way, which is the state that the house is killed in. */
export type Begin = () => Promise<Look>;

/** What must hold when everything was killed. Several of them go through one kill, each with a model of its own and a scripted backend behind it. */
export interface Survivor {
  readonly name: string;
  /** Of its model. */
  readonly model: string;
  /** Whatever takes long before it can begin. */
  prepare(house: House, upstream: ScriptedUpstream, model: string): Promise<Begin>;
}
