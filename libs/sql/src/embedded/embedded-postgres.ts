import type { ChildProcess } from 'node:child_process';
import { mkdir, rename, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock, type Clock, type Timer } from '@sluice/clock';
import { copyCluster } from './backup.ts';
import { findBinaries, type Binaries } from './binaries.ts';
import { makeCluster, syncCluster } from './cluster.ts';
import { takeOwnership } from './owner-file.ts';
import { endOrphan, endServer } from './postmaster-pid.ts';
import { spawnPostmaster, waitUntilReady, type PostmasterPlace } from './postmaster.ts';
import { makeSocketFolder, removeStaleSocket, urlAt } from './socket-folder.ts';
import { findLauncher, type Launcher } from './unprivileged.ts';

export interface EmbeddedPostgresOptions {
  /** What is being done, for a person who waits. */
  readonly onProgress?: (text: string) => void;
  /** The server ended without being asked; it is being started again. */
  readonly onUnexpectedExit?: (exit: { readonly code: number | null; readonly signal: string | null }) => void;
  /** A new start failed; the next try follows. */
  readonly onRestartFailed?: (error: Error) => void;
  readonly clock?: Clock;
}

/** A fast shutdown writes a checkpoint: at most `shared_buffers` of dirty pages. */
const STOP_DEADLINE_MS = 20_000;
const FIRST_RESTART_MS = 50;
const MAX_RESTART_MS = 10_000;
/** Children of a killed server may hold its shared memory for a moment; a new one cannot start before they are gone. */
const START_TRIES = 5;
const START_RETRY_MS = 200;
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;

/**
 * A PostgreSQL of the platform's own in a data folder: `postgres/` (the cluster), `postgres.log`, `run/` (its socket).
 *
 * A server that outlived a killed platform is stopped and started again rather than taken over: stopping costs a tenth
 * of a second, and only the parent of a process learns of its end, knows its settings, and owns its log.
 */
export class EmbeddedPostgres {
  /** For `createSql`; stays the same over restarts of the server. */
  readonly url: string;
  readonly #options: EmbeddedPostgresOptions;
  readonly #clock: Clock;
  readonly #place: PostmasterPlace;
  readonly #binaries: Binaries;
  readonly #launcher: Launcher;
  readonly #release: () => Promise<void>;
  #child: ChildProcess | undefined;
  #stopping = false;
  #timer: Timer | undefined;
  #restarting: Promise<void> | undefined;
  #restartMs = FIRST_RESTART_MS;

  private constructor(place: PostmasterPlace, binaries: Binaries, launcher: Launcher, release: () => Promise<void>, options: EmbeddedPostgresOptions) {
    this.url = urlAt(place.socketFolder);
    this.#place = place;
    this.#binaries = binaries;
    this.#launcher = launcher;
    this.#release = release;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Makes the cluster when there is none, ends a server that was left running, recovers after a crash. */
  static async start(dataDir: string, options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
    const folder = resolve(dataDir);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const [binaries, launcher] = await Promise.all([findBinaries(), findLauncher()]);
    const release = await takeOwnership(folder);
    try {
      await launcher.letThrough(folder);
      const cluster = join(folder, 'postgres');
      if (await endOrphan(cluster, STOP_DEADLINE_MS)) options.onProgress?.('Stopped a database server that had been left running.');
      if (await makeCluster(binaries, launcher, cluster)) options.onProgress?.('Made the database.');
      const socketFolder = await makeSocketFolder(folder);
      await Promise.all([launcher.own(cluster), launcher.own(socketFolder)]);
      const place = { cluster, socketFolder, logFile: join(folder, 'postgres.log') };
      await turnLog(place.logFile);
      const server = new EmbeddedPostgres(place, binaries, launcher, release, options);
      await server.#launch(START_TRIES);
      return server;
    } catch (thrown) {
      await release();
      throw thrown;
    }
  }

  /** The server's process number, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Ends the server; everything committed is on disk. Connections still open are dropped. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    await this.#restarting;
    if (this.#child?.pid !== undefined) await endServer(this.#child.pid, STOP_DEADLINE_MS);
    await this.#release();
  }

  /**
   * Copies the running cluster to `targetDir/postgres`, so that `EmbeddedPostgres.start(targetDir)` finds everything
   * that was committed when the call began, and consistently a part of what was committed while it ran.
   * Rejects with the signal's reason when it aborts; what was copied until then stays.
   */
  async backup(targetDir: string, signal: AbortSignal): Promise<void> {
    const folder = resolve(targetDir);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const target = join(folder, 'postgres');
    await copyCluster(this.url, this.#place.cluster, target, signal);
    await this.#launcher.own(target);
    await syncCluster(this.#binaries, this.#launcher, target);
  }

  async #launch(tries: number): Promise<void> {
    await endOrphan(this.#place.cluster, STOP_DEADLINE_MS);
    await removeStaleSocket(this.#place.socketFolder);
    const child = await spawnPostmaster(this.#binaries, this.#launcher, this.#place);
    this.#child = child;
    // The server must not keep a process alive that has nothing else to do, nor die with it unasked.
    child.unref();
    try {
      await waitUntilReady(child, this.#place);
    } catch (thrown) {
      if (child.pid !== undefined) await endServer(child.pid, STOP_DEADLINE_MS);
      this.#child = undefined;
      if (tries <= 1 || this.#stopping) throw thrown;
      await new Promise<void>((go) => this.#clock.after(START_RETRY_MS, go));
      return this.#launch(tries - 1);
    }
    child.once('exit', (code, signal) => this.#exited(child, code, signal));
    if (child.exitCode !== null || child.signalCode !== null) this.#exited(child, child.exitCode, child.signalCode);
  }

  #exited(child: ChildProcess, code: number | null, signal: string | null): void {
    if (this.#stopping || this.#child !== child) return;
    this.#child = undefined;
    this.#options.onUnexpectedExit?.({ code, signal });
    this.#restartLater();
  }

  #restartLater(): void {
    this.#timer = this.#clock.after(this.#restartMs, () => {
      this.#restarting = this.#launch(1).then(
        () => { this.#restartMs = FIRST_RESTART_MS; },
        (error: Error) => {
          this.#options.onRestartFailed?.(error);
          if (!this.#stopping) this.#restartLater();
        },
      );
    });
    this.#restartMs = Math.min(this.#restartMs * 2, MAX_RESTART_MS);
  }
}

/** Keeps the log of the last run and the one before within bounds. */
async function turnLog(path: string): Promise<void> {
  const size = await stat(path).then((stats) => stats.size, () => 0);
  if (size > LOG_LIMIT_BYTES) await rename(path, `${path}.1`);
}
