import { parseVerifierKey, type ReadResource, type VerifierKey } from '@sluice/transparency';
import { adminApi } from '../platform-api/connection.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { readSettings } from '../settings.ts';
import { KnownLog } from './known-log.ts';
import { dataFolder } from '../data-folder/data-folder.ts';
import type { ReadOptions } from '../commands/output.ts';

export interface VerifyOptions extends ReadOptions {
  /** Trust the key of this log although another one was seen here before. */
  readonly newLog?: boolean;
  /** Hold the log only against what was seen at its own place. */
  readonly ownHistory?: boolean;
}

/** A log as it is seen from the outside, with what is remembered of it. */
export interface LogSource {
  readonly api: HttpApi;
  readonly key: VerifierKey;
  readonly read: ReadResource;
  readonly known: KnownLog;
}

/** Fetches the log's key and holds it against the one that was seen first. Reading ends when the signal aborts. */
export async function openLog(options: VerifyOptions, signal?: AbortSignal): Promise<LogSource> {
  const api = adminApi(options);
  const settings = readSettings();
  // A platform of this machine is known by its folder, because its port may change; another by its address.
  const place = settings.adminUrl ?? dataFolder(options.data ?? settings.dataDir).root;
  const keyText = (await api.text('/audit/log/key')).trim();
  const known = KnownLog.open(settings.stateDir, place, keyText, { newLog: options.newLog ?? false, ownHistory: options.ownHistory ?? false });
  return { api, key: parseVerifierKey(keyText), read: async (path) => api.bytes(`/audit/log/${path}`, signal), known };
}
