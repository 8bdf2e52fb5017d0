import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { HttpApi } from './http-api.ts';

describe('an API that cannot be asked', () => {
  it('is told of without a word of the headers', async () => {
    const api = new HttpApi('http://127.0.0.1:9/admin/v1', 'sk-SECRET\nx', 'http://127.0.0.1:9');
    await expect(api.get('/keys', z.unknown())).rejects.toThrow('No platform answers at http://127.0.0.1:9 (no connection).');
    const refused = new HttpApi('http://127.0.0.1:9/admin/v1', 'sk-SECRET', 'http://127.0.0.1:9');
    await expect(refused.get('/keys', z.unknown())).rejects.toThrow(/No platform answers at http:\/\/127\.0\.0\.1:9 \((?!.*SECRET)/);
  });
});
