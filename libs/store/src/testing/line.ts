import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The way of one process to a server on a socket; it can be cut, and mended. */
export class Line implements AsyncDisposable {
  readonly url: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #state: 'whole' | 'cut' | 'cut at the next answer' = 'whole';

  private constructor(path: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'sluice-line-'));
    this.url = `unix://${join(this.#folder, 'socket')}`;
    this.#server = createServer((near) => this.#join(near, createConnection(path)));
  }

  /** @param url `unix://` and a path */
  static async to(url: string): Promise<Line> {
    const line = new Line(url.replace(/^unix:\/\//, ''));
    await new Promise<void>((resolve) => line.#server.listen(line.url.replace(/^unix:\/\//, ''), resolve));
    return line;
  }

  cut(): void {
    this.#state = 'cut';
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The next thing that the server says is not heard any more. */
  cutAtAnswer(): void {
    if (this.#state === 'whole') this.#state = 'cut at the next answer';
  }

  mend(): void {
    this.#state = 'whole';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #join(near: Socket, far: Socket): void {
    if (this.#state === 'cut') return void [near, far].forEach((socket) => socket.destroy());
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    near.on('data', (part) => far.write(part));
    far.on('data', (part) => (this.#state === 'cut at the next answer' ? this.cut() : near.write(part)));
  }
}
