import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Name of the model that does as a test says. */
export const SCRIPTED = 'upstream-model';

const POLL_MS = 10;

/** A text model in Triton's own Python: what it answers stands in a file, which it reads for each request. */
const PROGRAM = `
import json, os, signal, threading, time
import numpy, triton_python_backend_utils as pb
FINAL = pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
def answer(text, reason):
    outputs = [pb.Tensor(name, numpy.array([value.encode()], numpy.object_)) for name, value in (("text_output", text), ("finish_reason", reason))]
    counts = [pb.Tensor(name, numpy.array([value], numpy.uint32)) for name, value in (("num_input_tokens", 3), ("num_output_tokens", 1))]
    return pb.InferenceResponse(outputs + counts)
class TritonPythonModel:
    def initialize(self, args):
        self.folder = os.path.join(args["model_repository"], "..", "..")
    def execute(self, requests):
        for request in requests:
            threading.Thread(target=self.work, args=(request.get_response_sender(),)).start()
    def work(self, sender):
        script = json.load(open(os.path.join(self.folder, "script.json"), encoding="utf-8"))
        for piece in script["pieces"]:
            sender.send(answer(piece, "None"))
        if script["then"] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if script["then"] == "stall":
            end = time.time() + 60
            while not sender.is_cancelled() and time.time() < end:
                time.sleep(0.005)
            open(os.path.join(self.folder, "cancelled"), "w").close()
        if script["then"] == "end":
            sender.send(answer("", "stop"), flags=FINAL)
        else:
            sender.send(pb.InferenceResponse([], error=pb.TritonError(script["error"])), flags=FINAL)
`;

export interface Script {
  readonly pieces: readonly string[];
  readonly then: 'end' | 'stall' | 'fail' | 'die';
  /** What it says when it fails. */
  readonly error?: string;
}

/** A text model in a repository, by whose script a test makes a real Triton do what a guarantee is about. */
export class ScriptedModel {
  readonly #folder: string;
  /** Outside the model's folder: Triton would take another script for another model, and load it anew. */
  readonly #around: string;

  constructor(repository: string) {
    this.#folder = join(repository, SCRIPTED);
    this.#around = join(repository, '..');
  }

  /** `languageModel`: the folder of a text model, whose tensors this one has. */
  write(languageModel: string): void {
    mkdirSync(join(this.#folder, '1'), { recursive: true });
    const config = readFileSync(join(languageModel, 'config.pbtxt'), 'utf8');
    const template = /(key: "chat_template" value \{ string_value: )"(?:[^"\\]|\\.)*"/;
    writeFileSync(join(this.#folder, 'config.pbtxt'), config.replace(/^name: .*$/m, `name: "${SCRIPTED}"`).replace(template, '$1"{{ messages[0].content }}"'));
    writeFileSync(join(this.#folder, '1', 'model.py'), PROGRAM);
    this.say({ pieces: [], then: 'end' });
  }

  say(script: Script): void {
    rmSync(join(this.#around, 'cancelled'), { force: true });
    writeFileSync(join(this.#around, 'script.json'), JSON.stringify({ error: 'The model failed to answer.', ...script }));
  }

  /** Resolves when the model saw that its caller had left. */
  async cancelled(): Promise<void> {
    while (!existsSync(join(this.#around, 'cancelled'))) await pause(POLL_MS);
  }
}
