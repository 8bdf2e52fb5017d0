import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OutOfRoom, WholeAnswers } from './whole-answers.ts';

describe('the room for whole answers', () => {
  it('is one for all of them', () => {
    const answers = new WholeAnswers(100);
    using first = answers.begin();
    using second = answers.begin();
    first.take(90);
    expect(() => second.take(11)).toThrow(expect.objectContaining({ code: 'overloaded', httpStatus: 503, cause: expect.any(OutOfRoom) }) as never);
    second.take(10);
    expect(answers.heldBytes).toBe(100);
  });

  it('is given back by an answer that left or failed, once', () => {
    const answers = new WholeAnswers(100);
    const failed = answers.begin();
    failed.take(60);
    expect(() => failed.take(60)).toThrow();
    expect(answers.heldBytes).toBe(60);
    failed[Symbol.dispose]();
    failed[Symbol.dispose]();
    expect(answers.heldBytes).toBe(0);
    using next = answers.begin();
    next.take(100);
  });

  it('follows an answer whose length was guessed', () => {
    const answers = new WholeAnswers(100, 'Ask for less.');
    using answer = answers.begin();
    answer.take(60);
    answer.become(20);
    expect(answers.heldBytes).toBe(20);
    answer.become(100);
    expect(() => answer.become(101)).toThrow(expect.objectContaining({ code: 'overloaded', message: expect.stringContaining('Ask for less.') }) as never);
    expect(answers.heldBytes).toBe(100);
  });

  it('holds what its answers hold and never more than its limit, whatever comes and goes', () => {
    const step = fc.record({ answer: fc.nat(4), bytes: fc.option(fc.nat(60)) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const answers = new WholeAnswers(100);
        const rooms = Array.from({ length: 5 }, () => ({ room: answers.begin(), held: 0 }));
        for (const { answer, bytes } of steps) {
          const one = rooms[answer]!;
          const fits = rooms.reduce((sum, { held }) => sum + held, 0) + (bytes ?? 0) <= 100;
          if (bytes === null) {
            one.room[Symbol.dispose]();
            one.held = 0;
          } else if (fits) {
            one.room.take(bytes);
            one.held += bytes;
          } else expect(() => one.room.take(bytes)).toThrow();
          expect(answers.heldBytes).toBe(rooms.reduce((sum, { held }) => sum + held, 0));
        }
        for (const { room } of rooms) room[Symbol.dispose]();
        expect(answers.heldBytes).toBe(0);
      }),
    );
  });
});
