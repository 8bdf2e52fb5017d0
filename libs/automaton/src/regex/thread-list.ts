/** The threads of a run, each at its instruction, with where its match began; in the order of these beginnings. */
export class ThreadList {
  readonly #instructions: Int32Array;
  readonly #starts: Float64Array;
  readonly #seen: Uint32Array;
  #round = 1;
  length = 0;

  constructor(instructions: number) {
    this.#instructions = new Int32Array(instructions);
    this.#starts = new Float64Array(instructions);
    this.#seen = new Uint32Array(instructions);
  }

  instruction(index: number): number {
    return this.#instructions[index]!;
  }

  start(index: number): number {
    return this.#starts[index]!;
  }

  /** Once for each instruction between two clearings: who comes first began first. */
  visit(instruction: number): boolean {
    if (this.#seen[instruction] === this.#round) return false;
    this.#seen[instruction] = this.#round;
    return true;
  }

  add(instruction: number, start: number): void {
    this.#instructions[this.length] = instruction;
    this.#starts[this.length++] = start;
  }

  clear(): void {
    this.length = 0;
    this.#round++;
  }
}
