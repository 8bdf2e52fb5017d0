import { MeshHouse } from './mesh-house.ts';
import { meshScenarios } from './mesh.scenarios.ts';
import { SETTINGS, scenarios } from './scenarios.ts';

scenarios('mesh', () => MeshHouse.make(SETTINGS), { killRounds: 3, ofItsKind: meshScenarios });
