import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigError } from '@sluice/config';
import { runCli } from '../testing/run-cli.ts';
import { readAllSettings, unknownSettings } from './all-settings.ts';

/** A fault in every part. */
const FAULTY = {
  SLUICE_ADMIN_URL: 'rubbish',
  DATABASE_URL: 'mysql://sluice:hidden@db/x',
  SLUICE_LOG_LEVEL: 'loud',
  OTEL_TRACES_SAMPLER_ARG: '2',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318',
  SLUICE_PORT: 'rubbish',
  SLUICE_FIRST_TOKEN_MS: '1.5',
  LOCAL_ENGINE_THREADS: '0',
  SLUICE_AUDIT_RETENTION_DAYS: '30',
};

describe('the settings of up', () => {
  let parent: string;
  beforeEach(() => void (parent = mkdtempSync(join(tmpdir(), 'sluice-settings-'))));
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it('have a default for every part', () => {
    expect(readAllSettings({})).toMatchObject({ SLUICE_PORT: 8080, SLUICE_LOG_LEVEL: 'info', SLUICE_AUDIT_RETENTION_DAYS: 400, LOCAL_ENGINE_SEQUENCES: 4 });
  });

  it('are all told of at once when they are faulty, whichever part they belong to', () => {
    let thrown: unknown;
    try {
      readAllSettings(FAULTY);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigError);
    expect((thrown as ConfigError).faults.map((fault) => fault.split(':')[0])).toEqual(expect.arrayContaining(Object.keys(FAULTY)));
    expect((thrown as ConfigError).faults).toHaveLength(Object.keys(FAULTY).length);
  });

  it.each([
    ['SLUICE_OPEN_CALLS_LIMIT', '-1', 'at least 1'], ['SLUICE_HELD_BYTES_LIMIT', '5', 'at least 1048576'], ['SLUICE_CALL_LIMIT_MS', '1e9', 'at most 86400000'], ['SLUICE_DRAIN_LIMIT_MS', '-5', 'at least 0'],
  ])('say the bound that is passed: %s=%s', (name, value, bound) => {
    expect(() => readAllSettings({ [name]: value })).toThrow(`${name}: must be ${bound} (it is "${value}")`);
  });

  it('are checked before anything is touched; each fault says what the value must be, and no password is shown', async () => {
    const readyFile = join(parent, 'ready.json');
    writeFileSync(readyFile, 'of another run');
    const { code, stdout, stderr } = await runCli(['up', '--data', join(parent, 'data'), '--no-model', '--ready-file', readyFile], { env: FAULTY });
    expect([code, stdout]).toEqual([1, '']);
    for (const said of ['has 9 faults', 'SLUICE_PORT: must be a port number (it is "rubbish")', 'SLUICE_LOG_LEVEL: must be one of debug, info, warn, error (it is "loud")', 'LOCAL_ENGINE_THREADS: must be at least 1 (it is "0")', 'DATABASE_URL: must be an address such as postgresql://user@host/database', 'docs/settings.md']) {
      expect(stderr).toContain(said);
    }
    expect(stderr).not.toContain('hidden');
    expect(readdirSync(parent)).toEqual(['ready.json']);
    expect(readFileSync(readyFile, 'utf8')).toBe('of another run');
  });

  it('are told of where there is none of their name, and do not keep up from its work', async () => {
    expect(unknownSettings({ SLUICE_PORT: '1', SLUICE_PROT: '2', LOCAL_ENGINE_THREAD: '3', PATH: '4', SLUICE_COMMAND: '5', KAFKA_BROKERS: '6' })).toEqual(['KAFKA_BROKERS', 'LOCAL_ENGINE_THREAD', 'SLUICE_PROT']);
    const { code, stderr } = await runCli(['up', '--data', join(parent, 'ready.json'), '--no-model'], { env: { SLUICE_PROT: '8099', SLUICE_ROOT_KEY_FILE: join(parent, 'none') } });
    expect(code).toBe(1);
    expect(stderr).toContain('sluice up knows no setting SLUICE_PROT: it has no effect.');
    expect(stderr).toContain('There is no root key');
  });

  it('give way to options', async () => {
    const words = ['up', '--data', join(parent, 'data'), '--no-model', '--admin-port', '8099'];
    expect(await runCli(words, { env: { SLUICE_PORT: '8099' } })).toMatchObject({ code: 2, stderr: expect.stringContaining('both 8099') });
    expect(existsSync(join(parent, 'data'))).toBe(false);
  });
});
