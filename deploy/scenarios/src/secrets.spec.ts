import { describe, expect, it } from '@jest/globals';
import { ScriptedUpstream, chunk, errorEnvelope, givenAway, streamedChat } from '@sluice/testkit';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { once } from 'node:events';
import { AllInOneHouse } from './all-in-one-house.ts';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { admin, type House } from './house.ts';
import { MODEL, addModel } from './scripted-model.ts';
import { becomesSo, makeTenant, sluiceJson } from './tenant.ts';

/** Strings that occur nowhere by chance; each is planted at one place where content or a secret passes. */
const PLANTED = {
  prompt: 'plantedprompt7f3a91', system: 'plantedsystem2c88d0', answer: 'plantedanswer55e1b4', arguments: 'plantedarguments90ab',
  tool: 'plantedtool41c7e2', metadata: 'plantedmetadata6612', wrongKey: 'sk-sluice-plantedwrongkey00000000000000000000000000000', credential: 'plantedcredential8d31', upstreamError: 'plantedupstream77aa', refused: 'plantedrefused0f0f', masked: 'plantedmasked5d29@example.com',
};

/** A collector that keeps every byte it is sent. */
async function collector(): Promise<{ url: string; received: () => Buffer; close: () => void }> {
  const parts: Buffer[] = [];
  const server = createServer((request, response) => request.on('data', (part: Buffer) => parts.push(part)).on('end', () => response.end())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received: () => Buffer.concat(parts), close: () => server.closeAllConnections() ?? server.close() };
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** What rules mask for a project that keeps originals. */
async function sendMasked(house: House, upstream: ScriptedUpstream): Promise<void> {
  const tenant = await makeTenant(house, 'originals', 'original_and_sent');
  const text = `Write to ${PLANTED.masked} soon.`;
  await sluiceJson(house, 'filter', 'add', '--kind', 'pii:email', '--action', 'mask', '--project', tenant.projectId);
  const question = { messages: [{ role: 'user', content: text }] };
  const { id } = await becomesSo(house, tenant, question, () => !JSON.stringify(upstream.requests.at(-1)!.json()).includes(PLANTED.masked));
  expect(JSON.stringify((await endedCall(house, id)).original)).toContain(PLANTED.masked);
  upstream.next(streamedChat({ pieces: text.match(/.{1,5}/gs)! }));
  await ask(house, { ...question, stream: true }, { key: tenant.key });
  await ask(house, { ...question, temperature: 9 }, { key: tenant.key });
}

/** Sends planted content through every way that content can take: answered, streamed, refused, failed. */
async function sendEverything(house: House, upstream: ScriptedUpstream): Promise<void> {
  const messages = [{ role: 'system', content: PLANTED.system }, { role: 'user', content: PLANTED.prompt }];
  const tools = [{ type: 'function', function: { name: PLANTED.tool, parameters: { type: 'object' } } }];
  upstream.next(streamedChat({ pieces: [PLANTED.answer] }));
  await ask(house, { messages, tools, metadata: { note: PLANTED.metadata }, stream: true });
  upstream.next({ steps: [{ event: chunk({ tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: PLANTED.tool, arguments: PLANTED.arguments } }] }) }, { event: { error: { message: PLANTED.upstreamError } } }] });
  await ask(house, { messages, tools, stream: true });
  upstream.next(errorEnvelope(400, { message: `You said ${PLANTED.prompt}: ${PLANTED.upstreamError}` }));
  await ask(house, { messages });
  upstream.next({ steps: [{ raw: `not json ${PLANTED.answer}` }] });
  await ask(house, { messages });
  await ask(house, { messages: [{ role: PLANTED.refused, content: PLANTED.refused }], [PLANTED.refused]: 1 });
  await ask(house, { messages }, { key: PLANTED.wrongKey });
  const last = await ask(house, { messages, stream: false });
  await endedCall(house, last.id);
}

describe('what is secret', () => {
  it('is in no span, no log line and no byte of the database, whatever way a call takes', async () => {
    const spans = await collector();
    const house = await AllInOneHouse.make(['--no-model'], { OTEL_EXPORTER_OTLP_ENDPOINT: spans.url, SLUICE_LOG_LEVEL: 'debug' });
    const keys = [house.apiKey, house.adminKey];
    try {
      await using upstream = await ScriptedUpstream.start();
      await addModel(house, upstream, MODEL, { credential: PLANTED.credential });
      await sendEverything(house, upstream);
      await sendMasked(house, upstream);
      expect(upstream.requests[0]!.headers['authorization']).toBe(`Bearer ${PLANTED.credential}`);
      await admin(house, 'POST', '/keys', { name: 'x' });
      await house.stop();
      // The test would prove nothing if nothing had been written.
      expect(spans.received().includes('chat')).toBe(true);
      const files = filesUnder(house.dataFolder).filter((file) => basename(file) !== 'credentials.json');
      expect(files.length).toBeGreaterThan(500);
      const secrets = [...Object.values(PLANTED), ...keys];
      expect(givenAway(secrets, spans.received())).toEqual([]);
      for (const file of files) expect({ file: basename(file), found: givenAway(secrets, readFileSync(file)) }).toEqual({ file: basename(file), found: [] });
    } finally {
      spans.close();
      await house[Symbol.asyncDispose]();
    }
  }, 300_000);
});
