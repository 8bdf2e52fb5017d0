import { AllInOneHouse } from './all-in-one-house.ts';
import { killedEventLogScenario } from './event-log.scenarios.ts';
import { SETTINGS, scenarios } from './scenarios.ts';

scenarios('all in one', () => AllInOneHouse.make(['--no-model'], SETTINGS), { moreKills: 18, ofItsKind: killedEventLogScenario });
