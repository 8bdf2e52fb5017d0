import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkBaseUrl } from './base-url.ts';

describe('checkBaseUrl', () => {
  it.each([
    ['http://localhost:8000/v1', 'http://localhost:8000/v1'],
    ['http://localhost:8000/v1///', 'http://localhost:8000/v1'],
    ['HTTPS://API.Example.com:443/v1', 'https://api.example.com/v1'],
    ['http://[::1]:9/', 'http://[::1]:9'],
  ])('writes %s as %s', (given, normal) => {
    expect(checkBaseUrl(given, 'openai.base_url')).toBe(normal);
  });

  it.each([
    ['localhost:8000', /must begin with http/],
    ['ftp://host/v1', /must begin with http/],
    ['file:///etc/passwd', /must begin with http/],
    ['javascript:alert(1)', /must begin with http/],
    ['nonsense', /not a URL/],
    ['http://', /not a URL/],
    ['http://host/v1\n', /not a URL/],
    ['http://user:word@host/v1', /credential/],
    ['http://host/v1?key=1', /query/],
    ['http://host/v1#', /query/],
    ['http://host/v1/chat/completions', /must end before/],
    ['http://host/v1/models/', /must end before/],
    [`http://host/${'a'.repeat(2048)}`, /characters/],
  ])('refuses %s', (given, why) => {
    expect(() => checkBaseUrl(given, 'openai.base_url')).toThrow(expect.objectContaining({ code: 'invalid_value', param: 'openai.base_url', message: expect.stringMatching(why) }));
  });

  it('never quotes what it refuses: a credential may stand in it', () => {
    expect(() => checkBaseUrl('http://user:planted-word@host', 'p')).not.toThrow(/planted-word/);
  });

  it('has one normal form: checking twice changes nothing more', () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['http', 'https'] }), (url) => {
        const once = checkBaseUrl(url, 'p');
        expect(checkBaseUrl(once, 'p')).toBe(once);
        expect(once.endsWith('/')).toBe(false);
      }),
    );
  });
});
