import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { TestHouse, until } from '../testing/house.ts';

const house = new TestHouse();
/** The next test has the next one. */
const keys = Array.from({ length: 5 }, () => house.addKey('inference'));
const BODY = JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: 'hi' }] });

let key = '';
let socket: Socket;
let text = '';

beforeAll(() => house.start());
afterAll(() => house.stop());
beforeEach(() => {
  key = keys.pop()!;
  text = '';
});
afterEach(() => void socket.destroy());

/** Sends a call but for the end of its body; resolves when the gateway has found its key good. */
async function begin(): Promise<void> {
  const { port } = new URL(house.url);
  socket = connect(Number(port), '127.0.0.1');
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece)).on('error', () => undefined);
  // Node says to send on (RFC 9110, section 10.1.1) in the turn in which it hands the head of the call over, and its key is looked up.
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: sluice\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\nexpect: 100-continue\r\n\r\n${BODY.slice(0, 10)}`);
  await until(() => text.includes('100 Continue'));
  text = '';
}

async function end() {
  socket.write(BODY.slice(10));
  await until(() => /\r\n\r\n.*\}$/s.test(text));
  const callId = /x-request-id: ([0-9a-f]{32})/.exec(text)![1]!;
  return { status: Number(text.slice(9, 12)), body: JSON.parse(text.split('\r\n\r\n')[1]!) as object, records: house.records().filter((record) => record.callId === callId) };
}

describe('a key that dies while the body of its call arrives', () => {
  it('starts nothing when it was revoked, and that is on record', async () => {
    await begin();
    house.changeKey(key, { revokedAtMs: 1n });
    const asked = house.calls.length;
    const { status, body, records } = await end();
    expect({ status, body }).toMatchObject({ status: 401, body: { error: { code: 'invalid_api_key' } } });
    expect(text).not.toContain(key);
    expect(records).toMatchObject([{ kind: 'refused', value: { errorCode: 'invalid_api_key', httpStatus: 401, model: '', projectId: 'project_1' } }]);
    expect(house.calls).toHaveLength(asked);
  });

  it('starts nothing when it expired', async () => {
    await begin();
    house.changeKey(key, { expiresAtMs: 1n });
    const { status, body, records } = await end();
    expect({ status, body }).toMatchObject({ status: 401, body: { error: { code: 'expired_api_key' } } });
    expect(records).toMatchObject([{ kind: 'refused', value: { errorCode: 'expired_api_key' } }]);
  });

  it('may use the models that it may use now', async () => {
    await begin();
    house.changeKey(key, { models: ['large'] });
    const { status, body, records } = await end();
    expect({ status, body }).toMatchObject({ status: 403, body: { error: { code: 'model_not_allowed' } } });
    expect(records).toMatchObject([{ kind: 'refused' }]);
  });

  it('is answered when it is still good', async () => {
    await begin();
    house.changeKey(key, { name: 'renamed' });
    const { status, records } = await end();
    expect([status, records.map(({ kind }) => kind)]).toEqual([200, ['admitted', 'output', 'completed']]);
  });

  it('starts nothing while keys cannot be checked, and that is on record', async () => {
    await begin();
    house.changeKey(key, { projectId: 'nowhere' });
    const { status, records } = await end();
    expect([status, records]).toMatchObject([503, [{ kind: 'refused', value: { errorCode: 'access_unavailable', projectId: 'project_1' } }]]);
  });
});
