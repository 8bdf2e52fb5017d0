import type { Credentials } from '../data-folder/credentials.ts';
import { asTyped, dataOption } from '../terminal/typed-command.ts';
import type { Addresses } from './up-options.ts';

export interface ScreenFacts extends Addresses {
  readonly credentials: Credentials;
  readonly dataDir: string;
  /** The folder in which commands look that are told none. */
  readonly usualDataDir: string;
  /** The file that holds the keys. */
  readonly credentialsFile: string;
  /** A model that answers now; undefined when none does. */
  readonly model: string | undefined;
  readonly startedInMs: number;
}

/** What a person needs after the start, and no more. The curl line works as it is printed. */
export function screen({ url, adminUrl, grpcAddress, credentials, dataDir, usualDataDir, credentialsFile, model, startedInMs }: ScreenFacts): string {
  const at = dataOption(dataDir, usualDataDir);
  return [
    '',
    `Sluice is ready (${(startedInMs / 1000).toFixed(1)} s)`,
    '',
    `  OpenAI API   ${url}/v1`,
    ...(grpcAddress === undefined ? [] : [`  KServe gRPC  ${grpcAddress}`]),
    `  API key      ${credentials.apiKey}`,
    `  admin API    ${adminUrl} (its key is in ${credentialsFile})`,
    `  data         ${dataDir}`,
    '',
    ...(model === undefined ? noModel(at) : tryIt(url, credentials.apiKey, model, at)),
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

function noModel(at: string): string[] {
  return [
    'No model answers yet. Add one:',
    `  sluice model add NAME --openai URL${at}     a server that speaks the OpenAI API`,
    `  sluice model add NAME --kserve HOST:PORT --upstream-model M${at}     a model on NVIDIA Triton, or another server of KServe v2`,
    `  sluice model add NAME --gguf FILE${at}      weights for the local engine`,
  ].map(asTyped);
}

/** The demonstration model answers this one well; left to itself it likes to answer in bad French. */
const EXAMPLE_PROMPT = 'What is the capital of France? Answer in English, in one sentence.';

/** A small model may not find an end by itself, and on a processor each token takes its time. */
const EXAMPLE_TOKENS = 64;

function tryIt(url: string, apiKey: string, model: string, at: string): string[] {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: EXAMPLE_PROMPT }], max_tokens: EXAMPLE_TOKENS });
  return [
    'Try it:',
    `  curl ${url}/v1/chat/completions -H ${quote(`Authorization: Bearer ${apiKey}`)} -H 'Content-Type: application/json' -d ${quote(body)}`,
    ...['chat', 'audit list', 'audit verify'].map((command) => asTyped(`  sluice ${command}${at}`)),
  ];
}

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
