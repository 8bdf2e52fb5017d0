import { expect, it } from '@jest/globals';
import { dataFolder } from '../data-folder/data-folder.ts';
import { readAllSettings } from '../up/all-settings.ts';
import { meshProcesses } from './mesh-processes.ts';
import { portNames, processSettings } from './process-settings.ts';
import { OVERRIDDEN_SETTINGS, TAKEN_SETTINGS, userSettings } from './user-settings.ts';

it('what is set and not used is told, and has no effect, not even when it is wrong', () => {
  const shell = { DATABASE_URL: 'rubbish', KAFKA_BROKERS: 'mine:9092', SLUICE_TLS_CA_FILE: 'ca.pem', REDIS_URL: '', SLUICE_PROT: '1', SLUICE_PORT: '9000', SLUICE_ROOT_KEY_FILE: '/run/key', HOME: '/home' };
  const { environment, overridden, unknown } = userSettings(shell);
  expect(overridden).toEqual(['DATABASE_URL', 'KAFKA_BROKERS', 'SLUICE_TLS_CA_FILE']);
  expect(unknown).toEqual(['SLUICE_PROT']);
  expect(readAllSettings(environment)).toMatchObject({ SLUICE_PORT: 9000, SLUICE_ROOT_KEY_FILE: '/run/key' });
  expect(readAllSettings(environment).DATABASE_URL).toBeUndefined();
});

it('whatever a process is given is taken from the user, or told not to be', () => {
  const processes = meshProcesses(2);
  const place = {
    processes, folder: dataFolder('/data'), rootKeyFile: '/data/root.key', stack: { databaseUrl: 'a', redisUrl: 'b', kafkaBrokers: 'c', kafkaReplicas: 1 as const },
    listen: { host: '127.0.0.1', port: 1, adminHost: '127.0.0.1', adminPort: 2, grpcPort: 3 }, ports: Object.fromEntries(processes.flatMap(portNames).map((name) => [name, 4])),
  };
  const given = new Set(processes.flatMap((one) => Object.keys(processSettings(one, place))));
  expect([...given].filter((name) => !TAKEN_SETTINGS.includes(name) && !OVERRIDDEN_SETTINGS.includes(name))).toEqual([]);
  expect(TAKEN_SETTINGS.filter((name) => !given.has(name))).toEqual([]);
});
