import { describe, expect, it } from '@jest/globals';
import { CODES, ServiceError, type Code } from '@sluice/errors';
import { mayDoBetterElsewhere, verdictOf } from './verdict.ts';
import { WholeAnswers } from './whole-answers.ts';

const all = Object.keys(CODES) as Code[];
const of = (code: Code): ServiceError => new ServiceError(code, 'm');

describe('what the end of an attempt says', () => {
  it('is told by the code, for every code there is', () => {
    const by = Map.groupBy(all, (code) => verdictOf(of(code)));
    expect(by.get('works')).toEqual(['upstream_refused']);
    expect(by.get('busy')!.toSorted()).toEqual(['overloaded', 'upstream_rate_limited']);
    expect(by.get('broken')!.toSorted()).toEqual(['backend_unavailable', 'failed_precondition', 'internal', 'model_not_installed', 'upstream_error', 'upstream_timeout']);
    expect(by.get('nothing')).toEqual(expect.arrayContaining(['cancelled', 'deadline_exceeded', 'unsupported_parameter', 'invalid_value', 'context_length_exceeded']));
    expect(verdictOf(undefined)).toBe('works');
  });

  it('is nothing when there was no room here for the answer, and then no other deployment is asked', () => {
    const full = new WholeAnswers(1).begin();
    let error: ServiceError | undefined;
    try {
      full.take(2);
    } catch (thrown) {
      error = thrown as ServiceError;
    }
    expect([error!.code, verdictOf(error), mayDoBetterElsewhere(error!)]).toEqual(['overloaded', 'nothing', false]);
  });

  it('lets another deployment try exactly what this one could not', () => {
    for (const code of all) expect({ code, elsewhere: mayDoBetterElsewhere(of(code)) }).toEqual({ code, elsewhere: ['busy', 'broken'].includes(verdictOf(of(code))) });
  });
});
