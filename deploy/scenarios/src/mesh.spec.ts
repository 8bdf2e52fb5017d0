import { MeshHouse } from './mesh-house.ts';
import { meshScenarios } from './mesh.scenarios.ts';
import { SETTINGS, scenarios } from './scenarios.ts';

// All of it is killed at once here; each of its processes and servers by itself, under load and time and again, in deploy/chaos.
scenarios('mesh', () => MeshHouse.make(SETTINGS), { moreKills: 0, ofItsKind: meshScenarios });
