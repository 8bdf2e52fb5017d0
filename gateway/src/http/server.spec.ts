import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestHouse, delta, helloAnswer, started, until } from '../testing/house.ts';

const house = new TestHouse();
const key = house.addKey('inference');

beforeAll(() => house.start());
afterAll(() => house.stop());

/** What a listener answers to these lines, whole; every request here asks it to close behind its answer. */
function raw(url: string, lines: readonly string[], body = ''): Promise<{ head: string; body: unknown }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname).setEncoding('utf8');
    socket.on('data', (part: string) => (text += part)).on('error', reject).on('end', () => {
      socket.end();
      const at = text.lastIndexOf('\r\n\r\n');
      resolve({ head: text.slice(0, at), body: JSON.parse(text.slice(at + 4)) });
    });
    socket.write(`${lines.join('\r\n')}\r\nconnection: close\r\n\r\n${body}`);
  });
}

const chat = JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: 'hi' }] });
const POST = ['POST /v1/chat/completions HTTP/1.1', `authorization: Bearer ${key}`, 'content-type: application/json', `content-length: ${chat.length}`];
const envelope = (code: string | null): object => ({ error: { message: expect.stringMatching(/./), type: 'invalid_request_error', param: null, code } });

describe('what Node would refuse without a word', () => {
  const doors = [{ of: 'applications', url: () => house.url }, { of: 'operators', url: () => house.adminUrl }];

  it.each(doors)('has the envelope at the door of $of: a request without Host', async ({ url }) => {
    for (const path of ['/v1/models', '/v1/nothing', '/admin/v1/whoami']) {
      const { head, body } = await raw(url(), [`GET ${path} HTTP/1.1`]);
      expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n(.|\r\n)*x-request-id: [0-9a-f]{32}/i);
      expect(body).toEqual(envelope(null));
    }
  });

  it.each(doors)('has the envelope at the door of $of: an expectation that nobody meets', async ({ url }) => {
    const { head, body } = await raw(url(), ['GET /v1/models HTTP/1.1', 'host: sluice', 'expect: banana']);
    expect(head).toMatch(/^HTTP\/1\.1 417 Expectation Failed\r\n(.|\r\n)*x-request-id: [0-9a-f]{32}/i);
    expect(body).toEqual(envelope('expectation_failed'));
  });

  it('is told to a call before it is one: the model does not hear of it', async () => {
    const before = house.calls.length;
    expect((await raw(house.url, POST, chat)).body).toEqual(envelope(null));
    expect((await raw(house.url, [...POST, 'host: sluice', 'expect: banana'], chat)).body).toEqual(envelope('expectation_failed'));
    expect(house.calls).toHaveLength(before);
  });

  it('is no more than that: 100-continue is met, and HTTP/1.0 needs no Host', async () => {
    const { head, body } = await raw(house.url, [...POST, 'host: sluice', 'expect: 100-Continue'], chat);
    expect(head).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(body).toMatchObject({ object: 'chat.completion' });
    expect((await raw(house.url, ['GET /healthz HTTP/1.0'])).head).toMatch(/ 200 OK\r\n/);
  });
});

describe('a client that closes its side of the connection', () => {
  it.each([true, false])('has left, because nothing tells it from one that is gone: its call is cancelled and ends as disconnected (streamed: %s)', async (stream) => {
    let [asked, cancelled] = [false, false];
    house.answer = async function* (_call, signal) {
      yield [started(), delta('Hel')];
      asked = true;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      cancelled = true;
    };
    const before = house.records().length;
    const { hostname, port } = new URL(house.url);
    const body = JSON.stringify({ ...JSON.parse(chat), stream });
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    try {
      socket.resume().write(`${[...POST.slice(0, -1), `content-length: ${body.length}`, 'host: sluice'].join('\r\n')}\r\n\r\n${body}`);
      await until(() => asked);
      socket.end();
      const ended = () => house.records().slice(before).find(({ kind }) => kind === 'completed');
      await until(() => cancelled && ended() !== undefined);
      expect(ended()).toMatchObject({ value: { outcome: 2 } });
    } finally {
      house.answer = helloAnswer;
      socket.destroy();
    }
  });
});
