import { processEnvironment, type Environment } from '@sluice/config';
import { meshShape } from '@sluice/host';
import { unknownSettings } from '../up/all-settings.ts';

/** Of those by which a process finds its place, what `mesh up` takes from the user. */
export const TAKEN_SETTINGS: readonly string[] = ['SLUICE_ROOT_KEY_FILE', 'SLUICE_HOST', 'SLUICE_PORT', 'SLUICE_ADMIN_HOST', 'SLUICE_ADMIN_PORT', 'SLUICE_GRPC_PORT'];

/** What `mesh up` gives its processes itself, whatever the environment of the user says. */
export const OVERRIDDEN_SETTINGS: readonly string[] = [...Object.keys(meshShape), 'SLUICE_PRODUCER', 'SLUICE_PRODUCER_IS_SOLE', 'SLUICE_SHARE_PORTS', 'SLUICE_DIRECT_PORT'].filter((name) => !TAKEN_SETTINGS.includes(name));

export interface UserSettings {
  /** What `mesh up` itself goes by; a fault of what it does not use is none. */
  readonly environment: Environment;
  /** Names that are set and not used, because the processes get others. */
  readonly overridden: readonly string[];
  /** Names that are no settings at all. */
  readonly unknown: readonly string[];
}

/** The user's environment, for the mesh that is started in it. */
export function userSettings(users: Environment = processEnvironment): UserSettings {
  return {
    environment: Object.fromEntries(Object.entries(users).filter(([name]) => !OVERRIDDEN_SETTINGS.includes(name))),
    overridden: OVERRIDDEN_SETTINGS.filter((name) => (users[name] ?? '') !== '').toSorted(),
    unknown: unknownSettings(users, OVERRIDDEN_SETTINGS),
  };
}
