import { isDeepStrictEqual } from 'node:util';
import { fromBinary } from '@bufbuild/protobuf';
import { OriginalOutputSchema } from '@sluice/proto/events/v1/calls';
import { nextChain, ORIGINAL_SALT_BYTES, originalChainStart, outputView } from '@sluice/segment';
import type { RecordedCall } from '../platform-api/answers.ts';
import { asked, differs, isCommitted, plain, type CallEvidence, type Opened } from './call-evidence.ts';

/**
 * What is proven of an original that a project keeps beside what was sent: `proven`, it is the one that was committed to;
 * `none`, it was committed to that there is none; `not_compared`, it is gone.
 */
export type OriginalState = 'proven' | 'none' | 'not_compared';

export interface ProvenOriginals {
  readonly prompt: OriginalState;
  /** Undefined where the leaf is that of a refusal: no model was asked. */
  readonly output?: OriginalState;
}

/** Holds the originals that `audit show` prints against those that the leaf commits to; undefined where it commits to none, as in a project that does not keep them. */
export function proveOriginals({ original }: CallEvidence, opened: Opened, shown: RecordedCall): ProvenOriginals | undefined {
  const [prompt, output] = [opened.get('original_prompt'), opened.get('original_output')];
  if (!prompt) {
    // The leaf of an abandoned call commits to nothing that was asked; any other to all that is shown.
    if (shown.original && opened.has('prompt')) throw differs('original');
    return undefined;
  }
  return { prompt: provePrompt(prompt, original?.prompt, shown), ...(output ? { output: proveOutput(output, original?.output, shown) } : {}) };
}

type Given<Name extends 'prompt' | 'output'> = NonNullable<CallEvidence['original']>[Name] | undefined;

function provePrompt(committed: Buffer, evidence: Given<'prompt'>, { original }: RecordedCall): OriginalState {
  const seen = original?.request ?? null;
  if (!evidence || committed.length === 0) return without(committed, seen ?? evidence, 'original prompt');
  if (!isCommitted(committed, evidence) || !isDeepStrictEqual(plain(seen), asked(evidence.value))) throw differs('original prompt');
  return 'proven';
}

/** The chain begins at the hash of a salt, so neither its beginning nor its end can be left out. */
function proveOutput(committed: Buffer, evidence: Given<'output'>, { original }: RecordedCall): OriginalState {
  const seen = original?.output ?? null;
  if (!evidence || committed.length === 0) return without(committed, seen ?? evidence, 'original output');
  if (evidence.salt.length !== ORIGINAL_SALT_BYTES || !committed.equals(evidence.given.reduce<Buffer>(nextChain, originalChainStart(evidence.salt)))) throw differs('original output');
  const view = outputView(evidence.given.flatMap((bytes) => fromBinary(OriginalOutputSchema, bytes).events));
  if (!isDeepStrictEqual(plain(seen), plain(view))) throw differs('original output');
  return 'proven';
}

/** Nothing may be shown that is not handed out, or of which it was committed to that it is not there. */
function without(committed: Buffer, given: unknown, what: string): OriginalState {
  if (given) throw differs(what);
  return committed.length === 0 ? 'none' : 'not_compared';
}
