import { z } from 'zod';
import { readFileIfThere, writePrivateFile } from '../data-folder/private-file.ts';
import { processIdentity, type ProcessIdentity } from '../data-folder/process-identity.ts';
import { CommandFailed } from '../exit-code.ts';

const meshFile = z.object({
  version: z.literal(1),
  /** Data folder of the stack that it runs on. */
  stack: z.string().min(1).optional(),
  /** By process and purpose, as `access rpc`. */
  ports: z.record(z.string(), z.int().positive()),
  /** Those that were started last, by name. */
  processes: z.record(z.string(), processIdentity),
});

/** What a mesh remembers from one start to the next. It can be lost: ports are then chosen anew. One that is damaged is refused with a CommandFailed. */
export class MeshFile {
  readonly #path: string;
  #stack: string | undefined;
  #ports: Readonly<Record<string, number>>;
  readonly #processes: Record<string, ProcessIdentity>;

  constructor(path: string) {
    this.#path = path;
    const { stack, ports, processes } = read(path);
    this.#stack = stack;
    this.#ports = ports;
    this.#processes = { ...processes };
  }

  /** Undefined where none was kept. */
  get stack(): string | undefined {
    return this.#stack;
  }

  get ports(): Readonly<Record<string, number>> {
    return this.#ports;
  }

  get processes(): Readonly<Record<string, ProcessIdentity>> {
    return this.#processes;
  }

  port(name: string): number | undefined {
    return this.#ports[name];
  }

  /** Of this start, instead of those of the one before. */
  keepPlace(stack: string, ports: Readonly<Record<string, number>>): void {
    this.#stack = stack;
    this.#ports = ports;
    this.#write();
  }

  keepProcess(name: string, identity: ProcessIdentity): void {
    this.#processes[name] = identity;
    this.#write();
  }

  #write(): void {
    writePrivateFile(this.#path, `${JSON.stringify({ version: 1, stack: this.#stack, ports: this.#ports, processes: this.#processes }, undefined, 2)}\n`);
  }
}

function read(path: string): Pick<z.infer<typeof meshFile>, 'stack' | 'ports' | 'processes'> {
  const text = readFileIfThere(path);
  if (text === undefined) return { stack: undefined, ports: {}, processes: {} };
  try {
    return meshFile.parse(JSON.parse(text));
  } catch (error) {
    throw new CommandFailed(`${path} cannot be read: it is damaged, or of another version. Remove it, and name the stack with --stack where that is not the usual one: sluice mesh up then writes it anew.`, { cause: error });
  }
}
