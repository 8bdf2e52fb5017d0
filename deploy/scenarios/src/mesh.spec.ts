import { MeshHouse } from './mesh-house.ts';
import { SETTINGS, scenarios } from './scenarios.ts';

scenarios('mesh', () => MeshHouse.make(SETTINGS));
