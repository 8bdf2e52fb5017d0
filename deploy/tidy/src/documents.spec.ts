import { availableParallelism } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { auditConfig } from '@sluice/audit';
import { settingsShape } from '@sluice/cli';
import { CODES } from '@sluice/errors';
import { gatewayConfig } from '@sluice/gateway';
import { meshShape } from '@sluice/host';
import { inferenceRouterConfig } from '@sluice/inference-router';
import { localEngineConfig } from '@sluice/local-engine';
import { telemetryConfig } from '@sluice/telemetry';
import { z } from 'zod';
import { readRepositoryFile, sources } from './repository.ts';

const SHAPES = { ...settingsShape, ...meshShape, ...telemetryConfig, ...gatewayConfig, ...inferenceRouterConfig, ...localEngineConfig, ...auditConfig };
/** The one default that depends on the machine. */
const THREADS = { LOCAL_ENGINE_THREADS: 'cores - 1' };

describe('documents', () => {
  it('docs/errors.md lists every code with its HTTP status and its code on the wire, and no other', () => {
    const rows = [...readRepositoryFile('docs/errors.md').matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (`[a-z_]+`|null) \|/gm)].map(([, code, http, wire]) => [code, Number(http), wire === 'null' ? null : wire!.slice(1, -1)]);
    expect(rows).toEqual(Object.entries(CODES).map(([code, row]) => [code, row.http, row.openai]));
  });

  it('docs/settings.md lists every setting with its default, and no other', () => {
    const rows = [...readRepositoryFile('docs/settings.md').matchAll(/^\| `([A-Z0-9_]+)` \| (.+?) \| (.+?) \| .+ \|$/gm)].map(([, name, shown]) => [name, shown!.replaceAll('`', '')]);
    const defaults = z.object(SHAPES).parse({});
    const expected = Object.keys(SHAPES).map((name) => [name, String(defaults[name as keyof typeof defaults] ?? 'none')]);
    expect(Object.fromEntries(rows)).toEqual({ ...Object.fromEntries(expected), ...THREADS });
    expect(rows).toHaveLength(expected.length);
    expect(defaults.LOCAL_ENGINE_THREADS).toBe(Math.max(1, availableParallelism() - 1));
  });

  it('every reader of settings is among those that docs/settings.md is compared with', () => {
    const readers = sources().filter((file) => !file.endsWith('.spec.ts') && /\breadConfig\(/.test(readRepositoryFile(file)));
    expect(readers.sort()).toEqual([
      'deploy/cli/src/serve/serve-settings.ts', 'deploy/cli/src/settings.ts', 'deploy/cli/src/up/all-settings.ts', 'deploy/host/src/host-config.ts', 'deploy/host/src/kafka-config.ts',
    ]);
  });
});
