import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chunk, errorEnvelope, htmlPage, streamedChat, ScriptedUpstream } from './index.ts';

let upstream: ScriptedUpstream;
beforeEach(async () => {
  upstream = await ScriptedUpstream.start();
});
afterEach(() => upstream.stop());

const ask = (body: object, signal?: AbortSignal): Promise<Response> =>
  fetch(`${upstream.baseUrl}/chat/completions`, { method: 'POST', body: JSON.stringify(body), headers: { authorization: 'Bearer test' }, ...(signal && { signal }) });

const dataOf = (text: string): string[] => text.split('\n\n').filter(Boolean).map((event) => event.replace(/^data: /, ''));

describe('a scripted upstream', () => {
  it('answers like a healthy model without a script', async () => {
    const whole = (await (await ask({ model: 'm', n: 2 })).json()) as { model: string; choices: { message: { content: string } }[] };
    expect(whole.model).toBe('m');
    expect(whole.choices.map(({ message }) => message.content)).toEqual(['The answer is 42.', 'The answer is 42.']);
  });

  it('streams when asked, and ends with usage and [DONE]', async () => {
    const events = dataOf(await (await ask({ model: 'm', stream: true })).text());
    expect(events.at(-1)).toBe('[DONE]');
    expect(JSON.parse(events.at(-2)!)).toMatchObject({ choices: [], usage: { completion_tokens: 5 } });
  });

  it('plays queued scripts in order and then the standing one', async () => {
    upstream.next(errorEnvelope(429, { code: 'rate_limit_exceeded' }, { 'retry-after': '7' }), htmlPage(502));
    const limited = await ask({});
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7']);
    expect((await ask({})).headers.get('content-type')).toBe('text/html');
    expect((await ask({ model: 'm' })).status).toBe(200);
  });

  it('records headers and the body byte for byte', async () => {
    await (await ask({ model: 'm', big: '12345678901234567890' })).text();
    const request = await upstream.received(0);
    expect(request.body.toString()).toBe('{"model":"m","big":"12345678901234567890"}');
    expect(request.headers.authorization).toBe('Bearer test');
  });

  it('cuts inside a character and the text arrives whole', async () => {
    upstream.next({ ...streamedChat({ pieces: [' größe 🦥'] }), splitEveryBytes: 7 });
    expect(await (await ask({})).text()).toContain(' größe 🦥');
  });

  it('knows when a client leaves a stalled stream', async () => {
    upstream.next({ steps: [{ event: chunk({ content: 'a' }) }, { stall: true }] });
    const leave = new AbortController();
    const response = await ask({}, leave.signal);
    expect(upstream.concurrent).toBe(1);
    leave.abort();
    await expect(response.text()).rejects.toThrow();
    const request = await upstream.received(0);
    await request.clientLeft;
    expect(request.hasClientLeft).toBe(true);
    await upstream.idle();
  });

  it('stalls before the first byte until told', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.next({ ...streamedChat(), before: gate.promise });
    const pending = ask({});
    await upstream.received(0);
    gate.resolve();
    expect((await pending).status).toBe(200);
  });

  it.each(['reset', 'close'] as const)('breaks the body with a %s', async (way) => {
    upstream.next({ steps: [{ event: chunk({ content: 'a' }) }, way === 'reset' ? { reset: true } : { close: true }] });
    await expect(ask({}).then((response) => response.text())).rejects.toThrow();
  });

  it('notices a reader that does not read', async () => {
    upstream.next({ steps: [{ repeat: `data: ${'x'.repeat(10_000)}\n\n`, times: 100_000 }] });
    const leave = new AbortController();
    await ask({}, leave.signal);
    const request = await upstream.received(0);
    await request.readerSlow;
    leave.abort();
    await request.clientLeft;
    expect(request.bytesWritten).toBeLessThan(100_000 * 10_000);
  });

  it('counts health checks and fails them when told', async () => {
    upstream.probeStatus = 503;
    expect((await fetch(`${upstream.baseUrl}/models`)).status).toBe(503);
    await upstream.probed(1);
  });
});
