import { dataFolder, type DataFolder } from '../data-folder/data-folder.ts';
import { readCredentials, readRunning } from '../data-folder/credentials.ts';
import { CommandFailed } from '../exit-code.ts';
import { readSettings } from '../settings.ts';
import { dataOption } from '../terminal/typed-command.ts';
import { HttpApi } from './http-api.ts';

/** Options that every command shares which talks to a platform. */
export interface ConnectionOptions {
  /** Data folder of the platform on this machine. */
  readonly data?: string;
}

/** The admin API of the platform that the settings, or else the data folder, point to. */
export function adminApi(options: ConnectionOptions): HttpApi {
  const { adminUrl, adminKey, folder } = find(options);
  const url = adminUrl ?? readRunning(folder)?.adminUrl;
  const key = adminKey ?? readCredentials(folder)?.adminKey;
  if (!url) throw notRunning(folder, 'SLUICE_ADMIN_URL');
  if (!key) throw noKey(folder, 'SLUICE_ADMIN_KEY');
  return new HttpApi(`${url}/admin/v1`, key, url);
}

/** The OpenAI API of the same platform. */
export function publicApi(options: ConnectionOptions): HttpApi {
  const { url: given, apiKey, folder } = find(options);
  const url = given ?? readRunning(folder)?.url;
  const key = apiKey ?? readCredentials(folder)?.apiKey;
  if (!url) throw notRunning(folder, 'SLUICE_URL');
  if (!key) throw noKey(folder, 'SLUICE_API_KEY');
  return new HttpApi(`${url}/v1`, key, url);
}

function find(options: ConnectionOptions) {
  const settings = readSettings();
  return { ...settings, folder: dataFolder(options.data ?? settings.dataDir) };
}

function notRunning(folder: DataFolder, setting: string): CommandFailed {
  return new CommandFailed(
    `No platform is running with the data folder ${folder.root}.\nStart it with: sluice up${dataOption(folder.root, readSettings().dataDir)}\nOr point to one elsewhere with ${setting} (and its key).`,
  );
}

function noKey(folder: DataFolder, setting: string): CommandFailed {
  return new CommandFailed(`There is no key in ${folder.credentials}.\nSet ${setting}, or give the folder of the platform with --data.`);
}
