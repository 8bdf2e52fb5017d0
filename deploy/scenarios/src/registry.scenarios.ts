import { describe, expect, it } from '@jest/globals';
import { ScriptedUpstream, streamedChat } from '@sluice/testkit';
import { MESSAGES, MODEL, addModel } from './chat.scenarios.ts';
import { admin, type House } from './house.ts';
import { StreamReader } from './stream-reader.ts';

const CALLERS = 8;
const CHANGES = 10;

export function registryScenarios(at: () => House): void {
  describe('the registry', () => {
    it('changes under load, and no call fails because of it: deployments come, aliases turn, credentials are given', async () => {
      await using first = await ScriptedUpstream.start();
      await using second = await ScriptedUpstream.start();
      for (const upstream of [first, second]) upstream.always(streamedChat({ gapMs: 2 }));
      await addModel(at(), first);
      let changing = true;
      const outcomes: string[] = [];
      const callers = Array.from({ length: CALLERS }, async () => {
        while (changing) {
          const reader = new StreamReader(at(), { model: MODEL, messages: MESSAGES });
          await reader.ended;
          outcomes.push(reader.done ? 'answered' : `${reader.status} ${JSON.stringify(reader.error)}`);
        }
      });
      for (let change = 0; change < CHANGES; change++) {
        // The same backend under another credential is a new deployment of the version in the place of the old one.
        await admin(at(), 'POST', '/models', { name: MODEL, openai: { base_url: (change % 2 ? first : second).baseUrl, upstream_model: 'scripted', credential: `credential-${change}` } });
        await admin(at(), 'PUT', '/aliases/turning', { model: MODEL });
        await admin(at(), 'DELETE', '/aliases/turning');
      }
      changing = false;
      await Promise.all(callers);
      expect(outcomes.filter((outcome) => outcome !== 'answered')).toEqual([]);
      expect(second.requests.length).toBeGreaterThan(0);
      await admin(at(), 'DELETE', `/models/${MODEL}`);
    }, 60_000);
  });
}
