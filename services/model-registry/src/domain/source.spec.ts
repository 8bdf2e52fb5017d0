import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { describeSource, MAX_CREDENTIAL_CHARACTERS, type Source } from './source.ts';

const upstream = (given: Partial<Source & { kind: 'openai' }> = {}): Source => ({
  kind: 'openai', baseUrl: 'http://host:8000/v1/', upstreamModel: 'llama', credential: '', placement: 'inside', ...given,
});
const weights = (given: Partial<Source & { kind: 'gguf' }> = {}): Source => ({
  kind: 'gguf', path: '/models/small.gguf', digest: `sha256:${'ab'.repeat(32)}`, ...given,
});

describe('describeSource', () => {
  it('pins an upstream by the digest of its canonical description, which anyone can compute', () => {
    const { digest, description, reach } = describeSource(upstream(), 'chat');
    const canonical = '{"base_url":"http://host:8000/v1","protocol":"openai","upstream_model":"llama"}';
    expect(digest).toBe(`sha256:${createHash('sha256').update(canonical).digest('hex')}`);
    expect(description).toBe('http://host:8000/v1 llama');
    expect(reach).toEqual({ protocol: 'openai', placement: 'inside', target: 'http://host:8000/v1', upstreamModel: 'llama', weightsPath: '', managed: false });
  });

  it('changes the digest with address and model, never with credential or placement', () => {
    const digest = (given: Partial<Source & { kind: 'openai' }>) => describeSource(upstream(given), 'chat').digest;
    const base = digest({});
    expect(digest({ credential: 'sk-1', placement: 'external' })).toBe(base);
    expect(digest({ baseUrl: 'http://host:8000/v1' })).toBe(base);
    expect(digest({ baseUrl: 'http://other:8000/v1' })).not.toBe(base);
    expect(digest({ upstreamModel: 'other' })).not.toBe(base);
  });

  it('takes the name of the model for an upstream name that was not given', () => {
    expect(describeSource(upstream({ upstreamModel: '' }), 'chat').reach.upstreamModel).toBe('chat');
  });

  it('takes the name of a file in the models folder as well as an absolute path', () => {
    expect(describeSource(weights({ path: 'small.gguf' }), 'm')).toMatchObject({ description: 'small.gguf', reach: { weightsPath: 'small.gguf' } });
  });

  it('pins weights by the digest given, under a name at the engine that tells versions apart', () => {
    const { digest, description, reach, credential } = describeSource(weights(), 'org/small:1');
    expect(digest).toBe(`sha256:${'ab'.repeat(32)}`);
    expect(description).toBe('small.gguf');
    expect(reach).toEqual({
      protocol: 'kserve', placement: 'inside', target: 'local', upstreamModel: 'org-small-1-abababababab', weightsPath: '/models/small.gguf', managed: false,
    });
    expect(credential).toBeUndefined();
  });

  it.each<[string, Source]>([
    ['openai.upstream_model', upstream({ upstreamModel: 'a\nb' })],
    ['openai.upstream_model', upstream({ upstreamModel: ' ' })],
    ['openai.upstream_model', upstream({ upstreamModel: 'x'.repeat(201) })],
    ['openai.credential', upstream({ credential: 'two words' })],
    ['openai.credential', upstream({ credential: 'tok\r\nX-Evil: 1' })],
    ['openai.credential', upstream({ credential: 'x'.repeat(MAX_CREDENTIAL_CHARACTERS + 1) })],
    ['gguf.path', weights({ path: 'models/relative.gguf' })],
    ['gguf.path', weights({ path: '../outside.gguf' })],
    ['gguf.path', weights({ path: '/a.bin' })],
    ['gguf.path', weights({ path: '/a\u0000.gguf' })],
    ['gguf.path', weights({ path: `/${'ä'.repeat(2048)}.gguf` })],
    ['gguf.digest', weights({ digest: 'ab'.repeat(32) })],
    ['gguf.digest', weights({ digest: `sha256:${'AB'.repeat(32)}` })],
  ])('refuses a wrong %s by its name', (param, source) => {
    expect(() => describeSource(source, 'chat')).toThrow(expect.objectContaining({ code: 'invalid_value', param }));
  });
});
