import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KAFKA_JARS, REDIS_DEBS } from '../pins.ts';
import { checkDigest } from './digest.ts';
import { bringKafka, javaMajor, pom } from './kafka-jars.ts';
import { keptPackage } from './kept-package.ts';
import { packageBuilds, redisVersion } from './redis-debs.ts';
import { bringTriton, environment } from './triton-wheel.ts';

let cache: string;
beforeEach(async () => void (cache = await mkdtemp(join(tmpdir(), 'cache-'))));
afterEach(async () => rm(cache, { recursive: true }));

describe('a kept package', () => {
  it('is filled once', async () => {
    const fill = async (draft: string): Promise<void> => writeFile(join(draft, 'f'), 'x');
    const kept = await keptPackage(cache, 'p', fill);
    expect(await readdir(kept)).toEqual(['f']);
    expect(await keptPackage(cache, 'p', async () => Promise.reject(new Error('filled twice')))).toBe(kept);
  });

  it('leaves nothing behind when it is given up half way', async () => {
    await expect(keptPackage(cache, 'p', async (draft) => {
      await mkdir(join(draft, 'half'));
      throw new Error('given up');
    })).rejects.toThrow('given up');
    expect(await readdir(cache)).toEqual([]);
  });

  it('is not used when its digest is another', async () => {
    await writeFile(join(cache, 'f'), 'abc');
    await checkDigest(join(cache, 'f'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    await expect(checkDigest(join(cache, 'f'), '0'.repeat(64))).rejects.toThrow('is pinned');
  });
});

describe('pins', () => {
  it('name a version and a digest of every download', () => {
    for (const [name, sha256] of Object.entries(KAFKA_JARS)) expect([name.split(':').length, sha256]).toEqual([3, expect.stringMatching(/^[0-9a-f]{64}$/)]);
    for (const { sha256 } of Object.values(REDIS_DEBS)) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(Object.keys(KAFKA_JARS)).toContain('org.apache.kafka:kafka_2.13:4.4.0');
  });

  it('are all that Maven is asked for: no jar brings another', () => {
    const text = pom(['a:b:1', 'c:d:2']);
    expect(text.match(/<dependency>/g)).toHaveLength(2);
    expect(text.match(/<exclusion><groupId>\*<\/groupId><artifactId>\*<\/artifactId><\/exclusion>/g)).toHaveLength(2);
  });
});

describe('what a tool says of itself', () => {
  it.each([['openjdk version "17.0.15" 2025-04-15', 17], ['java version "1.8.0_292"', 1], ['bash: java: not found', undefined], [undefined, undefined]])('java: %s', (said, major) => {
    expect(javaMajor(said)).toBe(major);
  });

  it('redis and apt-cache', () => {
    expect(redisVersion('Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0')).toBe('7.0.15');
    const digest = 'a'.repeat(64);
    expect(packageBuilds(`Package: redis-tools\nVersion: 5:7.0.15-1\nSHA256: ${digest}\n\nPackage: redis-tools\nVersion: 5:6.0\n`)).toEqual([{ version: '5:7.0.15-1', sha256: digest }]);
  });

  it('Triton takes the Python that was found, and its library where the system has none', () => {
    const found = { executable: '/opt/py/bin/python3', version: '3.11', libraries: '/opt/py/lib', machine: 'x86_64' };
    expect(environment(found)).toMatchObject({ PATH: '/opt/py/bin:/usr/bin:/bin', LD_LIBRARY_PATH: '/opt/py/lib' });
    expect(environment({ ...found, libraries: '/usr/lib/x86_64-linux-gnu' })).not.toHaveProperty('LD_LIBRARY_PATH');
  });

  it('Python is asked for by name where there is none', async () => {
    await expect(bringTriton(cache, () => undefined, AbortSignal.timeout(60_000), 'no-such-python')).rejects.toThrow('python3 (Debian: apt-get install python3 python3-pip)');
  });

  it('Java is asked for by name where there is none', async () => {
    await expect(bringKafka(cache, () => undefined, AbortSignal.timeout(60_000), 'no-such-java')).rejects.toThrow('Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)');
  });
});
