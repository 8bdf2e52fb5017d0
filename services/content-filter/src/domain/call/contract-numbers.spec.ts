import { describe, expect, it } from '@jest/globals';
import { Channel } from '@sluice/proto/chat/v1/chat';
import { Action, Direction } from '@sluice/proto/content_filter/v1/content_filter';
import { ACTION, CHANNEL, DIRECTION } from './contract-numbers.ts';

describe('contract numbers', () => {
  it('are those of the contract', () => {
    expect(CHANNEL).toEqual({
      none: Channel.UNSPECIFIED, content: Channel.CONTENT, reasoning: Channel.REASONING, refusal: Channel.REFUSAL, toolArguments: Channel.TOOL_ARGUMENTS, functionArguments: Channel.FUNCTION_ARGUMENTS,
    });
    expect(ACTION).toEqual({ block: Action.BLOCK, mask: Action.MASK, flag: Action.FLAG });
    expect(DIRECTION).toEqual({ in: Direction.IN, out: Direction.OUT });
  });

  it('are all channels that the contract has', () => {
    expect(Object.values(Channel).filter((value) => typeof value === 'number').sort()).toEqual(Object.values(CHANNEL));
  });
});
