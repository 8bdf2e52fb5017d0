import { AllInOneHouse } from './all-in-one-house.ts';
import { SETTINGS, scenarios } from './scenarios.ts';

scenarios('all in one', () => AllInOneHouse.make(['--no-model'], SETTINGS), { killRounds: 20 });
