import type { Granted, HoldAsked, SpendTalk } from './ports.ts';

/** What is set aside for a call, or refused to it, and the most input that this is for. */
export interface SetAside {
  readonly granted: Granted;
  readonly inputTokensBound: number;
  /** The bound is what a tokeniser counted. */
  readonly isCounted: boolean;
}

/**
 * Sets money aside by the bytes of a prompt. Where they take too much of what is left it is counted, and the money is set
 * aside anew by its tokens. A prompt that cannot be counted, or not in time, goes by its bytes.
 *
 * @param countInput the tokens of the very prompt that the model will get; undefined when they are not known
 */
export async function setAside(talk: SpendTalk, asked: HoldAsked, countInput: () => Promise<number | undefined>): Promise<SetAside> {
  const { inputTokensBound } = asked;
  const byBytes = { granted: await talk.hold(asked), inputTokensBound, isCounted: false };
  if (!byBytes.granted.inputIsTight) return byBytes;
  const inputTokens = await countInput().catch(() => undefined);
  if (inputTokens === undefined) return byBytes;
  return { granted: await talk.hold({ ...asked, inputTokensBound: inputTokens }), inputTokensBound: inputTokens, isCounted: true };
}
