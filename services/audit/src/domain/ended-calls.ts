import type { EpochEnds, Place } from './call.ts';

type Epoch = Pick<Place, 'producer' | 'epoch'>;

/** Counts ends by epoch over a batch, on top of what the log held of the epochs that the batch closes. */
export class EndedCalls {
  readonly #byEpoch = new Map<string, EpochEnds>();

  constructor(known: readonly EpochEnds[]) {
    for (const one of known) this.#byEpoch.set(epochKey(one), one);
  }

  add({ producer, epoch }: Epoch): void {
    const key = epochKey({ producer, epoch });
    this.#byEpoch.set(key, { producer, epoch, ends: (this.#byEpoch.get(key)?.ends ?? 0n) + 1n });
  }

  /** All ends of an epoch that is over; it is not counted on. */
  close(epoch: Epoch): bigint {
    const ends = this.#byEpoch.get(epochKey(epoch))?.ends ?? 0n;
    this.#byEpoch.delete(epochKey(epoch));
    return ends;
  }

  /** What the batch adds to epochs that stay open. */
  open(): EpochEnds[] {
    return [...this.#byEpoch.values()];
  }
}

export function epochKey({ producer, epoch }: Epoch): string {
  return `${epoch} ${producer}`;
}
