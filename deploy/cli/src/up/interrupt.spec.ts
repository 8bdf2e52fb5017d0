import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CLI_WORDS, cleanEnvironment, runCli } from '../testing/run-cli.ts';
import { isRunning, UpHouse } from '../testing/up-house.ts';

const LONG_MS = 300_000;
const WAIT_LIMIT_MS = 60_000;

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + WAIT_LIMIT_MS;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error('it did not come true');
    await new Promise((next) => setTimeout(next, 10));
  }
}

describe('Ctrl-C', () => {
  let house: UpHouse;
  let upstream: Server;
  /** Answers that have begun and do not end. */
  let answering: Promise<ServerResponse>;
  beforeEach(async () => {
    house = new UpHouse();
    answering = new Promise((begun) => {
      upstream = createServer((request, response) => {
        if (request.method !== 'POST') return void response.end(JSON.stringify({ object: 'list', data: [{ id: 'slow' }] }));
        response.setHeader('content-type', 'text/event-stream');
        response.write(`data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'slow', choices: [{ index: 0, delta: { role: 'assistant', content: 'Once' }, finish_reason: null }] })}\n\n`);
        begun(response);
      });
    });
    await once(upstream.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(async () => {
    upstream.closeAllConnections();
    upstream.close();
    await house.dispose();
  });

  const upstreamUrl = (): string => `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;

  /** A chat in a process of its own, when its first word is there. */
  async function startChat(env: Record<string, string>, ...more: string[]) {
    const child = spawn(process.execPath, [...CLI_WORDS, 'chat', 'Tell me.', '--model', 'slow', ...more], { env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors] = ['', ''];
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    await new Promise<void>((begun, reject) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text).includes('Once') && begun());
      child.once('exit', () => reject(new Error(`no answer: ${errors}`)));
    });
    // Not its exit: what it printed last may still be in the pipe then.
    return { child, ended: once(child, 'close'), output: () => output, errors: () => errors };
  }

  it('cancels an answer in the terminal, down to the server that makes it', async () => {
    const chat = await startChat({ SLUICE_URL: upstreamUrl().replace('/v1', ''), SLUICE_API_KEY: 'sk-sluice-test' });
    const gone = once(await answering, 'close');
    chat.child.kill('SIGINT');
    expect(await chat.ended).toEqual([1, null]);
    expect([chat.output(), chat.errors()]).toEqual(['Once\n', 'sluice: cancelled\n']);
    await gone;
  }, LONG_MS);

  it('at a platform waits for running calls; the second one stops at once, and leaves nothing behind', async () => {
    const running = await house.start();
    expect(await runCli(['model', 'add', 'slow', '--openai', upstreamUrl(), '--data', house.data])).toMatchObject({ code: 0 });
    const chat = await startChat({}, '--data', house.data);
    const database = house.postgresPid()!;
    const ended = once(running.child, 'close');
    running.child.kill('SIGINT');
    await until(() => running.output().includes('Ctrl-C again'));
    // The same signal within a fifth of a second is an echo, not a second wish.
    while (running.child.exitCode === null && !running.output().includes('Stopped at once.')) {
      running.child.kill('SIGINT');
      await new Promise((next) => setTimeout(next, 50));
    }
    expect(await ended).toEqual([1, null]);
    expect(running.output()).toContain('Stopped at once.');
    await until(() => !isRunning(database));
    expect(existsSync(join(house.parent, 'ready.json'))).toBe(false);
    expect(await chat.ended).toEqual([1, null]);
    expect(chat.errors()).toMatch(/^sluice: [^\n]*broke off[^\n]*\n$/);
    const again = await house.start();
    expect(await house.interrupt(again)).toEqual([0, null]);
  }, LONG_MS);
});
