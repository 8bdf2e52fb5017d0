import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { LlamaLogLevel, getLlama, readGgufFileInfo, type GgufFileInfo, type LlamaContext, type LlamaModel } from 'node-llama-cpp';
import type { Command, LoadFailure, ModelFacts } from './messages.ts';

export interface Loaded {
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly facts: ModelFacts;
}

export class LoadError extends Error {
  override readonly name = 'LoadError';
  readonly reason: LoadFailure;

  constructor(reason: LoadFailure, cause?: unknown) {
    super(reason, { cause });
    this.reason = reason;
  }
}

/** Large enough that reading costs little beside hashing. */
const HASH_READ_BYTES = 1024 * 1024;

/** Loads a model for the CPU. Throws LoadError; reads the file's header first, so that junk never reaches llama.cpp, and neither do weights of another digest. `onDigest` gets what they have, where one was asked for. */
export async function load(command: Extract<Command, { type: 'load' }>, onDigest: (digest: string) => void): Promise<Loaded> {
  const info = await readHeader(command.weightsPath);
  if (command.weightsDigest !== undefined) {
    const digest = await digestOf(command.weightsPath);
    onDigest(digest);
    if (digest !== command.weightsDigest) throw new LoadError('other-digest');
  }
  try {
    const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, maxThreads: command.threads, logLevel: LlamaLogLevel.disabled });
    const model = await llama.loadModel({ modelPath: command.weightsPath, gpuLayers: 0 });
    const contextTokens = Math.min(model.trainContextSize, command.contextTokens);
    const context = await model.createContext({ sequences: command.sequences, contextSize: contextTokens, threads: command.threads });
    const facts: ModelFacts = {
      architecture: String(info.metadata.general.architecture),
      chatTemplate: info.metadata.tokenizer?.chat_template ?? '',
      bosToken: model.tokens.bosString ?? '',
      eosToken: model.tokens.eosString ?? '',
      contextTokens,
      sequences: command.sequences,
      threads: command.threads,
    };
    return { model, context, facts };
  } catch (cause) {
    throw new LoadError('unusable', cause);
  }
}

/** `sha256:<hex>` of a file. */
async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: HASH_READ_BYTES }), hash);
  return `sha256:${hash.digest('hex')}`;
}

async function readHeader(path: string): Promise<GgufFileInfo> {
  try {
    await access(path);
  } catch (cause) {
    throw new LoadError('missing', cause);
  }
  try {
    return await readGgufFileInfo(path, { sourceType: 'filesystem', logWarnings: false });
  } catch (cause) {
    throw new LoadError('not-gguf', cause);
  }
}
