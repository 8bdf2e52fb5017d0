import { afterAll, beforeAll, describe } from '@jest/globals';
import { WHOLE_ANSWERS_LIMIT_BYTES, backendFaultScenarios } from './backend-faults.scenarios.ts';
import { chatScenarios } from './chat.scenarios.ts';
import { crashScenarios } from './crash.scenarios.ts';
import { eventLogScenarios } from './event-log.scenarios.ts';
import { filterScenarios } from './filter.scenarios.ts';
import { hostileScenarios } from './hostile.scenarios.ts';
import type { House } from './house.ts';
import { keyScenarios } from './keys.scenarios.ts';
import { limitScenarios } from './limits.scenarios.ts';
import { moneyScenarios } from './money.scenarios.ts';
import { originalScenarios } from './originals.scenarios.ts';
import { pauseScenarios } from './pause.scenarios.ts';
import { reconciliationScenarios } from './reconciliation.scenarios.ts';
import { registryScenarios } from './registry.scenarios.ts';
import { silentBackendScenarios } from './silent-backends.scenarios.ts';
import { tensorScenarios } from './tensors.scenarios.ts';

const START_LIMIT_MS = 180_000;
/** Settings that every house of these scenarios runs with: nobody waits a minute for a backend that says nothing, or sends gigabytes to fill the room for answers. */
export const SETTINGS: Readonly<Record<string, string>> = {
  SLUICE_FIRST_TOKEN_MS: '4000', SLUICE_WHOLE_ANSWER_MS: '8000', SLUICE_STREAM_IDLE_MS: '12000', SLUICE_WHOLE_ANSWERS_LIMIT_BYTES: String(WHOLE_ANSWERS_LIMIT_BYTES),
};

export interface ScenarioOptions<Kind extends House> {
  /** How often all of it is killed in the middle of streams, beside the two kills that everything has to survive. */
  readonly moreKills: number;
  /** What must hold of its own kind besides. */
  readonly ofItsKind?: (at: () => Kind) => void;
}

/** Everything that must hold of a house, however it runs. */
export function scenarios<Kind extends House>(name: string, make: () => Promise<Kind>, { moreKills, ofItsKind }: ScenarioOptions<Kind>): void {
  describe(name, () => {
    let house: Kind;
    const at = () => house;

    beforeAll(async () => {
      house = await make();
    }, START_LIMIT_MS);

    afterAll(async () => house?.[Symbol.asyncDispose](), START_LIMIT_MS);

    chatScenarios(at);
    keyScenarios(at);
    registryScenarios(at);
    hostileScenarios(at);
    backendFaultScenarios(at);
    silentBackendScenarios(at);
    limitScenarios(at);
    moneyScenarios(at);
    reconciliationScenarios(at);
    filterScenarios(at);
    originalScenarios(at);
    tensorScenarios(at);
    eventLogScenarios(at);
    pauseScenarios(at);
    crashScenarios(at, moreKills);
    ofItsKind?.(at);
  });
}
