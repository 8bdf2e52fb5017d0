import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { swcOptions } from './deploy/host/swc-options.mjs';

/** One root Jest for every project: start-up is paid once, and `--only` picks by path or by test name. */
export default {
  rootDir: fileURLToPath(new URL('.', import.meta.url)),
  testMatch: ['<rootDir>/{proto,libs,gateway,services,deploy}/**/*.spec.ts'],
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@sluice/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['@swc/jest', { swcrc: false, ...swcOptions }] },
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/', '<rootDir>/.nx/', '<rootDir>/.cache/'],
  cacheDirectory: '<rootDir>/.cache/jest',
  testSequencer: '<rootDir>/deploy/cli/src/test-run/spec-order.mjs',
  // One more than there are cores: most specs wait for a server of their own, and leave their core idle for half of the time.
  maxWorkers: availableParallelism() + 1,
  // A bound for what hangs, not a measure of speed: a busy machine may take long over anything.
  testTimeout: 120_000,
};
