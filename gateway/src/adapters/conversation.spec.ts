import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { AnswerDeadlines } from './answer-deadlines.ts';
import { Conversation } from './conversation.ts';

type Serve = (requests: AsyncIterable<string>) => AsyncIterable<string>;

function talk(serve: Serve) {
  const clock = new ManualClock();
  const conversation = new Conversation<string, string>(serve, new AnswerDeadlines(clock));
  return { clock, conversation };
}

/** Answers each request, and says when it was let go. */
function echo(seen: string[]): Serve {
  return async function* (requests) {
    for await (const request of requests) {
      seen.push(request);
      yield request.toUpperCase();
    }
    seen.push('(end)');
  };
}

describe('a conversation', () => {
  it('answers one request after the other, and lets the other side end', async () => {
    const seen: string[] = [];
    const { conversation } = talk(echo(seen));
    expect([await conversation.ask('a', 100), await conversation.ask('b', 100)]).toEqual(['A', 'B']);
    conversation.end();
    conversation.end();
    await turns();
    expect(seen).toEqual(['a', 'b', '(end)']);
    await expect(conversation.ask('c', 100)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('is not begun at the other side by one who never asks', async () => {
    const seen: string[] = [];
    const { conversation } = talk(echo(seen));
    conversation.end();
    await turns();
    expect(seen).toEqual([]);
  });

  it('hands a request to another side that asked for it ahead of time', async () => {
    const { conversation } = talk((requests) => {
      const given = requests[Symbol.asyncIterator]();
      const ahead = given.next();
      return { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: String((await ahead).value) }) }) };
    });
    expect(await conversation.ask('a', 100)).toBe('a');
  });

  it('fails with what the other side failed with, and is over', async () => {
    const { conversation } = talk(async function* () {
      throw new ServiceError('overloaded', 'full');
    });
    await expect(conversation.ask('a', 100)).rejects.toMatchObject({ code: 'overloaded' });
    await expect(conversation.ask('b', 100)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('fails when the other side has ended without an answer', async () => {
    const { conversation } = talk(async function* () {
      return;
    });
    await expect(conversation.ask('a', 100)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('fails when an answer does not come in time, and leaves; an answer in time is not touched by a deadline before', async () => {
    let isLeft = false;
    let calls = 0;
    const { clock, conversation } = talk(() => ({
      [Symbol.asyncIterator]: () => ({
        next: () => (++calls === 1 ? Promise.resolve({ done: false, value: 'A' }) : new Promise<never>(() => undefined)),
        return: async () => {
          isLeft = true;
          return { done: true as const, value: undefined };
        },
      }),
    }));
    expect(await conversation.ask('a', 1_000)).toBe('A');
    clock.advance(900);
    const late = conversation.ask('b', 1_000);
    clock.advance(950);
    await turns();
    expect(isLeft).toBe(false);
    clock.advance(300);
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(isLeft).toBe(true);
  });

  it('gives the next question its whole time, also when the answer before it was read late because this process was held up', async () => {
    const arrived = Promise.withResolvers<IteratorResult<string>>();
    const answers = [arrived.promise, new Promise<never>(() => undefined)];
    const { clock, conversation } = talk(() => ({ [Symbol.asyncIterator]: () => ({ next: () => answers.shift()! }) }));
    const told: string[] = [];
    const first = conversation.ask('one', 2_000);
    setImmediate(() => arrived.resolve({ done: false, value: 'ONE' }));
    clock.advance(3_000);
    expect(await first).toBe('ONE');
    const second = conversation.ask('two', 2_000).catch(({ code }: ServiceError) => told.push(code));
    await turns();
    clock.advance(1_750);
    await turns();
    expect(told).toEqual([]);
    clock.advance(500);
    await second;
    expect(told).toEqual(['deadline_exceeded']);
  });

  it.each([
    ['ends', () => undefined, 'cancelled'],
    ['fails', () => { throw new ServiceError('draining', 'restarts'); }, 'draining'],
  ])('tells when the other side %s while nothing is asked, also who asks later', async (_how, end, code) => {
    const { conversation } = talk(async function* (requests) {
      for await (const request of requests) {
        yield request;
        end();
        return;
      }
    });
    const told: string[] = [];
    conversation.onBroken((reason) => told.push(reason.code));
    await conversation.ask('a', 100);
    await turns();
    conversation.onBroken((reason) => told.push(reason.code));
    expect(told).toEqual([code, code]);
    await expect(conversation.ask('b', 100)).rejects.toMatchObject({ code: 'cancelled' });
    conversation.end();
  });

  it('is not broken by an end of our own, nor by a failure that somebody waits for', async () => {
    let told = 0;
    const ours = talk(echo([])).conversation;
    ours.onBroken(() => told++);
    await ours.ask('a', 100);
    ours.end();
    const theirs = talk(async function* () {
      throw new ServiceError('overloaded', 'full');
    }).conversation;
    theirs.onBroken(() => told++);
    await expect(theirs.ask('a', 100)).rejects.toMatchObject({ code: 'overloaded' });
    await turns();
    const both = talk((requests) => {
      const given = requests[Symbol.asyncIterator]();
      let asked = 0;
      return { [Symbol.asyncIterator]: () => ({ next: async () => (++asked === 1 ? { done: false as const, value: String((await given.next()).value) } : (await given.return!(), { done: true as const, value: undefined })) }) };
    }).conversation;
    both.onBroken(() => told++);
    await both.ask('a', 100);
    both.end();
    await turns();
    expect(told).toBe(0);
  });

  it('is broken by an answer that nobody asked for', async () => {
    const { conversation } = talk(async function* () {
      yield 'A';
      yield 'B';
    });
    let told = '';
    conversation.onBroken(({ code }) => (told = code));
    expect(await conversation.ask('a', 100)).toBe('A');
    await turns();
    expect(told).toBe('internal');
  });

  it('is not harmed by another side that fails as it is left', async () => {
    const { clock, conversation } = talk(() => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined), return: () => Promise.reject(new Error('broken')) }) }));
    const late = conversation.ask('a', 1_000);
    clock.advance(1_250);
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await turns();
  });

  it('leaves another side that does not end', async () => {
    let isLeft = false;
    let calls = 0;
    const { clock, conversation } = talk(() => ({
      [Symbol.asyncIterator]: () => ({
        next: () => (++calls === 1 ? Promise.resolve({ done: false, value: 'A' }) : new Promise<never>(() => undefined)),
        return: async () => {
          isLeft = true;
          return { done: true as const, value: undefined };
        },
      }),
    }));
    await conversation.ask('a', 100);
    conversation.end();
    clock.advance(2_250);
    await turns();
    expect(isLeft).toBe(true);
  });
});

describe('the deadlines of answers', () => {
  it('share one timer, that stops when nobody waits', async () => {
    const clock = new ManualClock();
    let [timers, running] = [0, 0];
    const every = clock.every.bind(clock);
    clock.every = (periodMs, run) => {
      timers++;
      running++;
      const timer = every(periodMs, run);
      return { cancel: () => (running--, timer.cancel()) };
    };
    const deadlines = new AnswerDeadlines(clock);
    for (let at = 0; at < 100; at++) {
      const waiting = { untilMs: Infinity, late: () => undefined };
      deadlines.begin(waiting);
      deadlines.end(waiting);
    }
    expect([timers, running]).toEqual([1, 1]);
    clock.advance(500);
    expect([timers, running]).toEqual([1, 0]);
    let late = 0;
    deadlines.begin({ untilMs: clock.monotonicMs() + 300, late: () => void late++ });
    clock.advance(250);
    expect(late).toBe(0);
    clock.advance(250);
    await turns();
    clock.advance(250);
    expect([late, timers, running]).toEqual([1, 2, 0]);
  });

  it('are no matter for an answer that lies there already when a process wakes', async () => {
    const clock = new ManualClock();
    const deadlines = new AnswerDeadlines(clock);
    let late = 0;
    const [answered, silent] = [0, 1].map(() => ({ untilMs: clock.monotonicMs() + 100, late: () => void late++ }));
    deadlines.begin(answered!);
    deadlines.begin(silent!);
    // The timer comes first; what was sent meanwhile is read in the same turn of the event loop, behind it.
    setImmediate(() => deadlines.end(answered!));
    clock.advance(20_000);
    await turns();
    expect(late).toBe(1);
  });
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
