import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { PriceSchema } from '@sluice/proto/billing/v1/billing';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { PRICE } from '../testing/budgeted-house.ts';
import { PRINCIPAL, text } from '../testing/flow-house.ts';
import { tokenBound } from './limits/token-bound.ts';
import type { Call, Principal } from './call.ts';
import type { ExtensionAsked, SpendTalk } from './ports.ts';
import { MARGIN_TOKENS, Spending } from './spending.ts';

const CALL: Call = { model: 'chat', messages: Buffer.from('[{"role":"user","content":"hi"}]'), fields: [], stream: true, choices: 1 };
const FREE = { ...PRICE, inputNano: 0n, cachedInputNano: 0n, outputNano: 0n, reasoningNano: 0n };

async function begun({ limited = false, price = PRICE } = {}): Promise<{ spending: Spending; extensions: ExtensionAsked[] }> {
  const extensions: ExtensionAsked[] = [];
  const holdOf = (outputTokens: number) => ({ $typeName: 'billing.v1.Hold' as const, amountNano: 1n, limited, outputTokens: BigInt(outputTokens) });
  const talk: SpendTalk = {
    hold: ({ outputTokens }) => Promise.resolve({ inputIsTight: false, hold: holdOf(outputTokens), price: create(PriceSchema, price), affordableOutputTokens: 1e6 }),
    extend: (asked) => {
      extensions.push(asked);
      return Promise.resolve(holdOf(asked.outputTokens));
    },
    onBroken: () => undefined, settle: () => Promise.resolve(), end: () => undefined,
  };
  const asked = { callId: 'c', principal: PRINCIPAL as Principal, call: CALL, modelName: 'm', bound: tokenBound(CALL), countInput: () => Promise.resolve(undefined), output: { isShown: true, longestTokens: 0, note: () => undefined } };
  return { spending: await Spending.begin(talk, asked, { producer: 'p', epoch: 1n }), extensions };
}

function pieces(count: number): ChatEvent[] {
  return Array.from({ length: count }, () => create(ChatEventSchema, text('a')));
}

describe('the money of one call', () => {
  it.each([[true, FREE, true], [false, PRICE, true], [false, FREE, false]])('is watched where a budget limits it (%s) or anything costs something', async (limited, price, watched) => {
    expect((await begun({ limited, price })).spending.isWatched).toBe(watched);
  });

  it('covers what comes at once, and asks for the next step before the margin is reached', async () => {
    const { spending, extensions } = await begun({ limited: true });
    expect(spending.cover(pieces(256 - MARGIN_TOKENS))).toEqual({ events: expect.any(Array), isOver: false });
    expect(extensions).toEqual([]);
    expect(await spending.cover(pieces(1))).toMatchObject({ isOver: false });
    expect(extensions).toMatchObject([{ outputTokens: 512 }]);
    expect(spending.hold.outputTokens).toBe(512n);
  });
});
