import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Checkpoint } from '@sluice/transparency';

const run = promisify(execFile);
const SOURCE = fileURLToPath(new URL('verify-go/', import.meta.url));
const BUILD_DEADLINE_MS = 180_000;
const RUN_DEADLINE_MS = 60_000;

/** The verifier that this project did not write, built from source. */
export class GoVerifier {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Fails with what to do when there is no Go, or its modules cannot be fetched. */
  static async build(): Promise<GoVerifier> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-verify-go-'));
    try {
      await run('go', ['build', '-mod=readonly', '-o', join(folder, 'verify-go'), '.'], { cwd: SOURCE, timeout: BUILD_DEADLINE_MS });
    } catch (thrown) {
      await rm(folder, { recursive: true });
      throw new Error('The independent verifier cannot be built. Install Go 1.26 or newer (go.dev/dl), put it on PATH, and let it fetch golang.org/x/mod once: (cd services/audit/src/testing/verify-go && go mod download).', { cause: thrown });
    }
    return new GoVerifier(folder);
  }

  /** Its complaint, or undefined when the log (files by path) is right and continues the earlier one. */
  async fault(files: ReadonlyMap<string, Uint8Array>, verifierKey: string, earlier?: Checkpoint): Promise<string | undefined> {
    const folder = await mkdtemp(join(this.#folder, 'log-'));
    try {
      for (const [path, bytes] of files) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), bytes);
      }
      const old = earlier ? [earlier.size.toString(), Buffer.from(earlier.root).toString('base64')] : [];
      await run(join(this.#folder, 'verify-go'), [folder, verifierKey, ...old], { timeout: RUN_DEADLINE_MS });
      return undefined;
    } catch (thrown) {
      const { code, stderr } = thrown as { code?: number | string; stderr?: string };
      if (code !== 1) throw thrown;
      return stderr ?? '';
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }
}
