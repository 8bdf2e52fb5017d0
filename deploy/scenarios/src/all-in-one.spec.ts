import { AllInOneHouse } from './all-in-one-house.ts';
import { scenarios } from './scenarios.ts';

scenarios('all in one', () => AllInOneHouse.make(['--no-model']));
