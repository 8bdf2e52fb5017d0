import type { CompiledKeywords } from '@sluice/automaton';

/**
 * What words were compiled to in this process, as long as somebody uses it. The rules have an owner, which compiles them to try them
 * out, and whoever filters has them too: where both are in one process, they compile once and hold one automaton.
 */
export class KnownWords {
  readonly #known = new Map<string, WeakRef<CompiledKeywords>>();
  readonly #making = new Map<string, Promise<CompiledKeywords>>();
  readonly #unused = new FinalizationRegistry<string>((name) => {
    if (!this.#known.get(name)?.deref()) this.#known.delete(name);
  });

  /** @param name of the rules, which never change, and of the numbers that stand for them @param compile makes it where nobody has it; its failure is of this call alone */
  async get(name: string, compile: () => Promise<CompiledKeywords>): Promise<CompiledKeywords> {
    // Each turn waits for the end of somebody's work, which may have failed by a limit of theirs.
    for (let making = this.#making.get(name); making; making = this.#making.get(name)) await making.catch(() => undefined);
    return this.#known.get(name)?.deref() ?? this.#make(name, compile);
  }

  async #make(name: string, compile: () => Promise<CompiledKeywords>): Promise<CompiledKeywords> {
    const making = compile();
    this.#making.set(name, making);
    try {
      const words = await making;
      this.#known.set(name, new WeakRef(words));
      this.#unused.register(words, name);
      return words;
    } finally {
      this.#making.delete(name);
    }
  }
}

/** Of all that is hosted here. */
export const wordsOfThisProcess = new KnownWords();
