import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { processEnvironment } from '@sluice/config';
import { untilItAnswers } from '../engines/ask-engine.ts';
import type { Engine, Say } from '../engines/engine.ts';
import { kafka } from '../engines/kafka.ts';
import { propertiesText } from '../engines/kafka-properties.ts';
import { stackFolder } from '../folder/stack-folder.ts';
import { bringKafka } from '../packages/kafka-jars.ts';
import { HOST, portsAt } from '../ports.ts';
import { runTool } from '../processes/run-tool.ts';

const READY_LIMIT_MS = 120_000;

/** Ends the broker, and removes what it held, with the process that started it, however that ends: the kernel closes the pipe that it reads from. */
const GUARD = 'cat >/dev/null; kill -9 "$1" 2>/dev/null; sleep 1; rm -rf "$2"';

/** A listener that wants TLS, a certificate and a password (SCRAM-SHA-512), beside the plain one. Whoever comes to that may do everything; a user here may do what he was given the right to. */
export interface SecureListener {
  /** PEM. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly users: readonly { readonly name: string; readonly password: string }[];
}

/** A real broker of one node, for one test file. Nothing that is missing on the machine is passed over. */
export class TestBroker {
  readonly address: string;
  readonly #root: string;
  #engine: Engine;
  readonly #anew: () => Engine;
  #process: ChildProcess | undefined;
  /** Settings behind those of the stack. */
  #more: Readonly<Record<string, string>> = {};

  private constructor(root: string, anew: () => Engine) {
    this.#root = root;
    this.#anew = anew;
    this.#engine = anew();
    this.address = this.#engine.address;
  }

  static async start(): Promise<TestBroker> {
    const broker = await TestBroker.#make();
    await broker.startAgain();
    return broker;
  }

  static async #make(): Promise<TestBroker> {
    const root = await mkdtemp(join(tmpdir(), 'sluice-broker-'));
    const folder = stackFolder(root);
    await mkdir(folder.logs);
    const [port, controller] = (await freePorts(2)) as [number, number];
    const ports = { ...portsAt(0), kafka: [port], controllers: [controller] };
    return new TestBroker(root, () => kafka(1, { folder, ports, brokers: 1, clusterId: newClusterId(), bring: broughtKafka }));
  }

  /** Three brokers of one cluster; each is ended for itself. */
  static async startCluster(): Promise<readonly TestBroker[]> {
    const nodes = [1, 2, 3];
    const free = await freePorts(2 * nodes.length);
    const [clusterId, ports] = [newClusterId(), { ...portsAt(0), kafka: free.slice(0, nodes.length), controllers: free.slice(nodes.length) }];
    const brokers = await Promise.all(nodes.map(async (node) => {
      const root = await mkdtemp(join(tmpdir(), 'sluice-broker-'));
      const folder = stackFolder(root);
      await mkdir(folder.logs);
      return new TestBroker(root, () => kafka(node, { folder, ports, brokers: nodes.length, clusterId, bring: broughtKafka }));
    }));
    await Promise.all(brokers.map(async (broker) => broker.startAgain()));
    return brokers;
  }

  /** One that has this listener too. */
  static async startSecure(listener: SecureListener): Promise<{ readonly broker: TestBroker; readonly address: string }> {
    const broker = await TestBroker.#make();
    const address = await broker.#secure(listener);
    await broker.startAgain();
    return { broker, address };
  }

  /** Passwords are in the log of the cluster, so it is formatted again, with these in it. */
  async #secure({ authority, certificate, key, users }: SecureListener): Promise<string> {
    const address = `${HOST}:${(await freePorts(1))[0]!}`;
    const { words, env, file } = await this.#prepared();
    const plain = /^listeners=(.*)$/m.exec(await readFile(file, 'latin1'))![1]!;
    const settings = {
      'ssl.keystore.type': 'PEM', 'ssl.keystore.certificate.chain': certificate, 'ssl.keystore.key': key, 'ssl.truststore.type': 'PEM', 'ssl.truststore.certificates': authority, 'ssl.client.auth': 'required',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512', 'scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    };
    this.#more = {
      listeners: `${plain},SECURE://${address}`, 'advertised.listeners': `PLAINTEXT://${this.address},SECURE://${address}`, 'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
      ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [`listener.name.secure.${name}`, value])),
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'super.users': 'User:ANONYMOUS',
    };
    const data = join(stackFolder(this.#root).engine(this.#engine.name), 'data');
    const clusterId = /^cluster\.id=(.*)$/m.exec(await readFile(join(data, 'meta.properties'), 'utf8'))![1]!;
    await rm(data, { recursive: true });
    await runTool([...words.slice(0, words.indexOf('kafka.Kafka')), 'kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', file, ...users.flatMap(({ name, password }) => ['--add-scram', `SCRAM-SHA-512=[name=${name},password=${password}]`])], { env });
    return address;
  }

  async #prepared(): Promise<{ readonly words: readonly string[]; readonly env: Record<string, string>; readonly cwd: string | undefined; readonly file: string }> {
    const { words, env, cwd } = await this.#engine.prepare(() => undefined, new AbortController().signal);
    const file = words.at(-1)!;
    // Of a name that stands twice Java takes the last.
    if (Object.keys(this.#more).length > 0) await appendFile(file, propertiesText(this.#more));
    return { words, env: { ...env }, cwd, file };
  }

  /** Returns when it answers, with all that it held. */
  async startAgain(): Promise<void> {
    const { words, env, cwd } = await this.#prepared();
    const log = openSync(join(this.#root, 'logs', 'broker.log'), 'a');
    this.#process = spawn(words[0]!, words.slice(1), { cwd, env, stdio: ['ignore', log, log] });
    closeSync(log);
    const guard = spawn('sh', ['-c', GUARD, 'sh', String(this.#process.pid), this.#root], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    guard.unref();
    // A pipe to a child is a socket, and only the handle can be kept from holding the process.
    (guard.stdin as unknown as { unref(): void }).unref();
    this.#process.once('exit', () => guard.kill('SIGKILL'));
    let isEnded = false;
    void once(this.#process, 'exit').then(() => { isEnded = true; });
    const answer = await untilItAnswers(this.#engine, performance.now() + READY_LIMIT_MS, () => !isEnded);
    if (!answer.ok) throw new Error(`the broker does not answer: ${answer.why}`);
  }

  /** Kills it, loses all that it held, and starts one of another cluster at the same address. */
  async startAnew(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(stackFolder(this.#root).engine(this.#engine.name), { recursive: true, force: true });
    this.#engine = this.#anew();
    await this.startAgain();
  }

  /** SIGTERM hands over what it leads and closes its log; SIGKILL does not. Returns when it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** Ends it and removes what it held. */
  async end(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.#root, { recursive: true, force: true });
  }
}

function broughtKafka(say: Say, signal: AbortSignal): ReturnType<typeof bringKafka> {
  return bringKafka(join(processEnvironment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice', 'stack'), say, signal);
}

function newClusterId(): string {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
}

/** All taken at once, so that none is given twice. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST));
  await Promise.all(servers.map(async (server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async (server) => new Promise((closed) => server.close(closed))));
  return ports;
}
