import { toBinary, create } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ChatCallSchema } from '@sluice/proto/chat/v1/chat';
import { commitmentHash } from '@sluice/segment';
import type { RecordedCall } from '../platform-api/answers.ts';
import { provePrompt } from './call-evidence.ts';

describe('the proof of what was asked', () => {
  it('holds for a request of which nothing was understood, and is shown as none', () => {
    const prompt = { salt: Buffer.from('salt'), value: Buffer.from(toBinary(ChatCallSchema, create(ChatCallSchema, { choices: 0 }))) };
    const opened = new Map([['prompt', Buffer.from(commitmentHash(prompt.salt, prompt.value))]]);
    const prove = (request: RecordedCall['request']) => provePrompt({ openings: [], prompt, error: null, output: null }, opened, { request } as RecordedCall);
    expect(prove(null)).toBe(true);
    expect(() => prove({ model: '', stream: false, n: 1, messages: [] } as RecordedCall['request'])).toThrow(/prompt/);
  });
});
