import { beforeAll, describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';
import { repositoryRoot, run } from './repository.ts';

/** One planted violation for each border: where it stands, what it says, and the rule that must bite. */
const PLANTED: readonly [name: string, file: string, code: string, rule: string, message: RegExp][] = [
  ['a service imports another service', 'services/audit/src/planted.ts', "import { createAccess } from '@sluice/access';\nexport const x = createAccess;", '@nx/enforce-module-boundaries', /can only depend on libs tagged/],
  ['the gateway imports a service', 'gateway/src/planted.ts', "import { createAudit } from '@sluice/audit';\nexport const x = createAudit;", '@nx/enforce-module-boundaries', /can only depend on libs tagged/],
  ['a library imports a service', 'libs/errors/src/planted.ts', "import { createAudit } from '@sluice/audit';\nexport const x = createAudit;", '@nx/enforce-module-boundaries', /can only depend on libs tagged/],
  ['a relative import leaves its project', 'services/audit/src/planted.ts', "import { CODES } from '../../../libs/errors/src/index.ts';\nexport const x = CODES;", '@nx/enforce-module-boundaries', /relative|cannot be imported/i],
  ['a service imports the database driver', 'services/audit/src/adapters/planted.ts', "import pg from 'pg';\nexport const x = pg;", '@typescript-eslint/no-restricted-imports', /libs\/sql/],
  ['the gateway imports the gRPC driver', 'gateway/src/adapters/planted.ts', "import * as grpc from '@grpc/grpc-js';\nexport const x = grpc;", '@typescript-eslint/no-restricted-imports', /libs\/rpc/],
  ['a service imports a telemetry SDK', 'services/audit/src/planted.ts', "import { TracerProvider } from '@opentelemetry/sdk-trace';\nexport const x = TracerProvider;", '@typescript-eslint/no-restricted-imports', /libs\/telemetry/],
  ['domain imports Nest', 'services/audit/src/domain/planted.ts', "import { Injectable } from '@nestjs/common';\nexport const x = Injectable;", '@typescript-eslint/no-restricted-imports', /plain TypeScript/],
  ['domain does I/O', 'services/audit/src/domain/planted.ts', "import { readFileSync } from 'node:fs';\nexport const x = readFileSync;", '@typescript-eslint/no-restricted-imports', /no I\/O/],
  ['domain imports an adapter', 'services/audit/src/domain/planted.ts', "import { x } from '../adapters/log-sql.ts';\nexport const y = x;", '@typescript-eslint/no-restricted-imports', /no adapter/],
  ['product code imports test support', 'services/audit/src/planted.ts', "import { ScriptedUpstream } from '@sluice/testkit';\nexport const x = ScriptedUpstream;", '@typescript-eslint/no-restricted-imports', /specs and contracts/],
  ['a service reads the environment', 'services/audit/src/planted.ts', "export const x = process.env['HOME'];", 'no-restricted-syntax', /libs\/config/],
  ['a service reads the clock', 'services/audit/src/planted.ts', 'export const x = Date.now();', 'no-restricted-syntax', /Clock/],
  ['a service draws randomness', 'services/audit/src/planted.ts', 'export const x = Math.random();', 'no-restricted-syntax', /Ids/],
  ['a barrel exports everything', 'services/audit/src/planted.ts', "export * from './config.ts';", 'no-restricted-syntax', /Name what/],
  ['any', 'services/audit/src/planted.ts', 'export const x = (y: any): void => void y;', '@typescript-eslint/no-explicit-any', /any/],
  ['an injected class that is only a type is not lost by a fix', 'services/audit/src/planted.ts', "import { Thing } from './thing.ts';\nexport const x = (y: Thing): void => void y;", '@typescript-eslint/consistent-type-imports', /type/],
  ['a swallowed error', 'services/audit/src/planted.ts', 'try { JSON.parse("x"); } catch {}', 'no-empty', /Empty/],
  ['output to the console', 'services/audit/src/planted.ts', "console.log('x');", 'no-console', /console/],
];

describe('borders', () => {
  let eslint: ESLint;

  beforeAll(() => {
    // Without a project graph the boundary rule says nothing and passes.
    expect(run('nx', ['graph', '--file=.cache/project-graph.json'])).toMatchObject({ code: 0 });
    eslint = new ESLint({ cwd: repositoryRoot });
  }, 240_000);

  it.each(PLANTED)('bite when %s', async (_name, file, code, rule, message) => {
    const [result] = await eslint.lintText(code, { filePath: repositoryRoot + file });
    const hit = result!.messages.find(({ ruleId }) => ruleId === rule);
    expect(hit?.message).toMatch(message);
  });

  it('hold in the whole repository', () => {
    const { code, output } = run('eslint', ['.']);
    expect(output).not.toContain('No cached ProjectGraph');
    expect({ code, output }).toEqual({ code: 0, output: '' });
  }, 240_000);
});
