import { newSecret } from '@sluice/access';
import { systemClock, systemIds } from '@sluice/clock';
import { readCredentials, writeCredentials, type Credentials } from '../data-folder/credentials.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';

/**
 * The first keys: made and on disk before the database is, then given to access. A process that dies in between leaves
 * keys that the next start gives to access, so what is printed always opens the house.
 */
export function firstKeys(folder: DataFolder): Credentials {
  const before = readCredentials(folder);
  if (before) return before;
  const ids = systemIds(systemClock);
  const made = { apiKey: newSecret('inference', ids), adminKey: newSecret('admin', ids) };
  writeCredentials(folder, made);
  return made;
}
