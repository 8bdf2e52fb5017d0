import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { ChatCallSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Backend, BackendCall } from './backend.ts';

/** A backend under test and the means to make the server behind it do what a guarantee is about. */
export interface BackendSubject {
  readonly backend: Backend;
  /** What the server answers next: text pieces, then the end; or nothing more after some pieces; or a failure before the first. */
  answer(pieces: readonly string[]): void;
  stallAfter(pieces: readonly string[]): void;
  failBeforeFirst(): void;
  failAfter(pieces: readonly string[]): void;
  /** Resolves when the server saw that the call it answers was given up. */
  cancelled(): Promise<void>;
  /** Makes the server's health check fail from now on. */
  makeUnhealthy(): Promise<void>;
  stop(): Promise<void>;
}

const CALL_ID = '01890a5d9f3c7b2e8d4f6a1b2c3d4e5f';

export function backendCall(fields: { stream?: boolean; choices?: number; more?: Record<string, string> } = {}): BackendCall {
  const { stream = true, choices = 1, more = {} } = fields;
  return {
    callId: CALL_ID,
    versionId: 'ver_1',
    deploymentId: 'dep_1',
    upstreamModel: 'upstream-model',
    call: create(ChatCallSchema, {
      model: 'alias',
      messages: Buffer.from('[{"role":"user","content":"Hello"}]'),
      fields: Object.entries(more).map(([name, json]) => ({ name, json: Buffer.from(json) })),
      stream,
      choices,
    }),
  };
}

export async function collect(answers: AsyncIterable<ChatEvent[]>): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const batch of answers) {
    expect(batch.length).toBeGreaterThan(0);
    events.push(...batch);
  }
  return events;
}

export const kinds = (events: readonly ChatEvent[]): string[] => events.map(({ event }) => event.case ?? 'none');
export const textOf = (events: readonly ChatEvent[]): string => events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')).join('');

/** What every backend promises, whatever protocol it speaks. */
export function describeBackend(name: string, makeSubject: () => Promise<BackendSubject>): void {
  describe(`${name} keeps the contract of a backend`, () => {
    let subject: BackendSubject;
    const never = new AbortController().signal;
    beforeEach(async () => {
      subject = await makeSubject();
    });
    afterEach(async () => {
      await subject.backend.close();
      await subject.stop();
    });

    it.each([true, false])('begins with Started, ends with Finished and Usage (stream: %s)', async (stream) => {
      subject.answer(['Hello', ' größe', ' 🦥']);
      const events = await collect(subject.backend.chat(backendCall({ stream }), never));
      expect(textOf(events)).toBe('Hello größe 🦥');
      const order = kinds(events);
      expect(order[0]).toBe('started');
      expect(order.slice(1, -2).every((kind) => kind === 'delta' || kind === 'counts')).toBe(true);
      expect(order.slice(-2)).toEqual(['finished', 'usage']);
      expect(events[0]!.event.value).toMatchObject({ versionId: 'ver_1', deploymentId: 'dep_1' });
      expect(events.at(-2)!.event.value).toMatchObject({ choice: 0, reason: 'stop' });
    });

    it('hands over text as it is produced, before the answer is complete', async () => {
      subject.stallAfter(['early']);
      const leave = new AbortController();
      const answers = subject.backend.chat(backendCall(), leave.signal)[Symbol.asyncIterator]();
      expect(textOf((await answers.next()).value as ChatEvent[])).toBe('early');
      leave.abort(new ServiceError('cancelled', 'left'));
      await expect(answers.next()).rejects.toMatchObject({ code: 'cancelled' });
      await subject.cancelled();
    });

    it('cancels at the server when the caller leaves the loop', async () => {
      subject.stallAfter(['some']);
      for await (const _ of subject.backend.chat(backendCall(), never)) break;
      await subject.cancelled();
    });

    it('cancels at the server while the first event is awaited', async () => {
      subject.stallAfter([]);
      const leave = new AbortController();
      const first = subject.backend.chat(backendCall(), leave.signal)[Symbol.asyncIterator]().next();
      setImmediate(() => leave.abort(new ServiceError('upstream_timeout', 'too late')));
      await expect(first).rejects.toMatchObject({ code: 'upstream_timeout' });
    });

    it('does not begin when the signal is aborted already', async () => {
      const reason = new ServiceError('cancelled', 'left before');
      await expect(collect(subject.backend.chat(backendCall(), AbortSignal.abort(reason)))).rejects.toBe(reason);
    });

    it('throws before the first event when the server fails before it', async () => {
      subject.failBeforeFirst();
      const failure = collect(subject.backend.chat(backendCall(), never));
      await expect(failure).rejects.toBeInstanceOf(ServiceError);
      await expect(failure).rejects.toMatchObject({ code: expect.stringMatching(/^(backend_unavailable|upstream_error|upstream_timeout|upstream_rate_limited)$/) });
    });

    it('hands over what came and then throws when the server fails after it', async () => {
      subject.failAfter(['half']);
      const events: ChatEvent[] = [];
      const failure = (async () => {
        for await (const batch of subject.backend.chat(backendCall(), never)) events.push(...batch);
      })();
      await expect(failure).rejects.toMatchObject({ code: 'upstream_error' });
      expect(textOf(events)).toBe('half');
    });

    it('answers the next call after a failed one', async () => {
      subject.failAfter(['half']);
      await collect(subject.backend.chat(backendCall(), never)).catch(() => undefined);
      subject.answer(['whole']);
      expect(textOf(await collect(subject.backend.chat(backendCall(), never)))).toBe('whole');
    });

    it('answers the health check, and fails it with a reason when the server does', async () => {
      await subject.backend.probe(never);
      await subject.makeUnhealthy();
      await expect(subject.backend.probe(never)).rejects.toBeInstanceOf(ServiceError);
    });
  });
}
