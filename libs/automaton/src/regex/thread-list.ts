/** The threads of a run (an expression has at most 1,000 instructions), each at its instruction, with the number of its beginning; in the order of these beginnings. */
export class ThreadList {
  readonly #instructions: Uint16Array;
  readonly #beginnings: Uint16Array;
  readonly #seen: Uint32Array;
  #round = 1;
  length = 0;

  constructor(instructions: number) {
    this.#instructions = new Uint16Array(instructions);
    this.#beginnings = new Uint16Array(instructions);
    this.#seen = new Uint32Array(instructions);
  }

  instruction(index: number): number {
    return this.#instructions[index]!;
  }

  beginning(index: number): number {
    return this.#beginnings[index]!;
  }

  /** A copy. */
  instructions(): Uint16Array {
    return this.#instructions.slice(0, this.length);
  }

  /** Once for each instruction between two clearings: who comes first began first. */
  visit(instruction: number): boolean {
    if (this.#seen[instruction] === this.#round) return false;
    this.#seen[instruction] = this.#round;
    return true;
  }

  add(instruction: number, beginning: number): void {
    this.#instructions[this.length] = instruction;
    this.#beginnings[this.length++] = beginning;
  }

  /** Its rounds are counted in 32 bits. */
  clear(): void {
    this.length = 0;
    this.#round = (this.#round + 1) >>> 0;
    if (this.#round > 0) return;
    this.#seen.fill(0);
    this.#round = 1;
  }
}
