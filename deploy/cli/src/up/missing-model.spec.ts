import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { processEnvironment } from '@sluice/config';
import { demoWeights } from '@sluice/local-engine/testing';
import { DEMO_MODEL } from '@sluice/local-engine/weights';
import { runCli, type CliResult } from '../testing/run-cli.ts';
import { UpHouse, type Running } from '../testing/up-house.ts';

const LONG_MS = 300_000;
const LOAD_LIMIT_MS = 120_000;

describe('sluice up on a machine without Python', () => {
  let house: UpHouse;
  /** Settings of a machine on which no Python has pip. */
  let noPython: Record<string, string>;
  beforeEach(() => {
    house = new UpHouse();
    const bin = join(house.parent, 'bin');
    mkdirSync(bin);
    for (const name of ['python', 'python3']) {
      writeFileSync(join(bin, name), '#!/bin/sh\nexit 1\n');
      chmodSync(join(bin, name), 0o755);
    }
    noPython = { PATH: `${bin}:${processEnvironment['PATH']}` };
  });
  afterEach(async () => house.dispose());

  const sluice = async (...words: string[]): Promise<CliResult> => runCli([...words, '--data', house.data]);
  const ask = async ({ ready }: Running): Promise<{ status: number; body: unknown }> => {
    const body = JSON.stringify({ model: DEMO_MODEL.name, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 4 });
    const answer = await fetch(`${ready.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${ready.apiKey}`, 'content-type': 'application/json' }, body });
    return { status: answer.status, body: await answer.json() };
  };

  it('starts all the same, says what is missing, refuses a call with 503 and the two ways to add it, and answers once it is there', async () => {
    const first = await house.start(noPython, { model: true });
    const refused = { status: 503, body: { error: { code: 'model_not_installed', message: expect.stringMatching(/--gguf FILE.*--openai URL/) } } };
    expect(await ask(first)).toMatchObject(refused);
    expect((await sluice('model', 'list')).stdout).toMatch(new RegExp(`${DEMO_MODEL.name} .*weights are missing`));
    await house.interrupt(first);
    expect(first.output()).toMatch(/no Python with pip[^]*answered with 503[^]*--gguf FILE[^]*--openai URL[^]*No model answers yet/);
    expect(first.output()).not.toContain('curl');

    const again = await house.start(noPython, { model: true });
    expect(await ask(again)).toMatchObject(refused);
    expect(await sluice('backup', join(house.parent, 'copy'))).toMatchObject({ code: 0 });
    expect(await sluice('model', 'add', DEMO_MODEL.name, '--gguf', await demoWeights())).toMatchObject({ code: 0 });
    const untilMs = performance.now() + LOAD_LIMIT_MS;
    while ((await ask(again)).status !== 200) {
      if (performance.now() > untilMs) throw new Error('the model does not answer');
      await pause(50);
    }
    await house.interrupt(again);
    expect(again.output()).toContain('no Python with pip');

    const third = await house.start(noPython, { model: true });
    expect(await sluice('model', 'remove', DEMO_MODEL.name)).toMatchObject({ code: 0 });
    await house.interrupt(third);
    expect(third.output()).toMatch(/^(?![^]*Python)[^]*curl/);
    const fourth = await house.start(noPython, { model: true });
    expect((await ask(fourth)).status).toBe(404);
    await house.interrupt(fourth);
    expect(fourth.output()).toContain('up --demo-model');

    expect(await sluice('restore', join(house.parent, 'copy'), '--force')).toMatchObject({ code: 0 });
    const restored = await house.start(noPython, { model: true });
    expect(await ask(restored)).toMatchObject(refused);
    await house.interrupt(restored);
  }, LONG_MS);
});
