import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { Channel, ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { ChunkWriter } from './chunks.ts';
import { ChatReply } from './reply.ts';
import { stoppedJson } from './stopped.ts';

const FRAME = { id: 'chatcmpl-1', createdSeconds: 5, model: 'm', includeUsage: true };
const text = (choice: number): ChatEvent => create(ChatEventSchema, { event: { case: 'delta', value: { text: 'a', choice, channel: Channel.CONTENT } } });
const finished = (choice: number, reason: string, stoppedBy = ''): ChatEvent => create(ChatEventSchema, { event: { case: 'finished', value: { choice, reason, stoppedBy } } });
const usage = create(ChatEventSchema, { event: { case: 'usage', value: { inputTokens: 1n, outputTokens: 2n } } });
const SLUICE = { stopped_by: 'budget' };

interface Body { choices: { finish_reason: string | null }[]; usage?: unknown; sluice?: unknown; system_fingerprint: null }

function chunksOf(includeUsage: boolean, events: ChatEvent[]): Body[] {
  const writer = new ChunkWriter({ ...FRAME, includeUsage });
  return (writer.lines(events) + writer.ending()).split('\n\n').filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice(6)) as Body);
}

describe('an answer that Sluice ended', () => {
  it('says so in the last chunk of each choice that it ended, and in no chunk before', () => {
    const chunks = chunksOf(false, [text(0), text(1), finished(0, 'stop'), finished(1, 'length', 'budget'), usage]);
    expect(chunks.map(({ sluice }) => sluice)).toEqual([undefined, undefined, undefined, undefined, undefined, SLUICE]);
    expect(chunks.at(-1)!.choices[0]).toMatchObject({ finish_reason: 'length' });
  });

  it('says so again in the chunk of the usage, where that was asked for', () => {
    const [finish, last] = chunksOf(true, [text(0), finished(0, 'length', 'budget'), usage]).slice(-2);
    expect(finish).toMatchObject({ sluice: SLUICE, usage: null });
    expect(last).toMatchObject({ choices: [], sluice: SLUICE, usage: { prompt_tokens: 1, completion_tokens: 2 } });
  });

  it('says so as a member of a whole answer', () => {
    const reply = new ChatReply();
    reply.release([text(0), finished(0, 'length', 'budget'), text(1), finished(1, 'stop'), usage]);
    expect(JSON.parse(reply.body(FRAME))).toMatchObject({ sluice: SLUICE, system_fingerprint: null, usage: { prompt_tokens: 1 }, choices: [{ finish_reason: 'length' }, { finish_reason: 'stop' }] });
  });

  it('says nothing of an answer that ended by itself', () => {
    expect(stoppedJson('')).toBe('');
    expect(chunksOf(true, [text(0), finished(0, 'length'), usage]).some((chunk) => 'sluice' in chunk)).toBe(false);
    const reply = new ChatReply();
    reply.release([text(0), finished(0, 'length'), usage]);
    expect(JSON.parse(reply.body(FRAME))).not.toHaveProperty('sluice');
  });
});
