import { Option, type Command } from 'commander';
import { WrongUse } from '../exit-code.ts';
import { alias, backend, deleted, listOf, model, models, removedModel, type Model } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { printable, printableLine } from '../terminal/printable.ts';
import { table } from '../terminal/table.ts';
import { readSecret } from '../terminal/stdin.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';
import { seconds } from './seconds.ts';

/** As long as `stack up` gives a server. */
const LOAD_SECONDS = 300;

interface AddOptions extends ReadOptions {
  readonly openai?: string;
  readonly kserve?: string;
  readonly load?: boolean;
  readonly timeout?: number;
  readonly upstreamModel?: string;
  readonly keyStdin?: boolean;
  readonly external?: boolean;
  readonly gguf?: string;
}

export function addModelCommands(program: Command): void {
  const group = program.command('model').description('models: add, list, remove, alias');

  const add = reads(group.command('add').description('add a model, or a new version of one').argument('<name>', 'what clients call it'))
    .addOption(new Option('--openai <url>', 'an OpenAI-compatible server; the address that ends before /chat/completions').conflicts(['gguf', 'kserve']))
    .addOption(new Option('--kserve <host:port>', 'a KServe v2 server such as NVIDIA Triton; the address of its gRPC').conflicts(['gguf', 'keyStdin']))
    .option('--upstream-model <name>', "the model's name at that server (default: the same name)")
    .option('--key-stdin', 'read the key for that server from standard input')
    .option('--external', 'prompts leave the house there: they are recorded before')
    .addOption(new Option('--load', 'with --kserve: load it there, and unload it when it is removed, whoever loaded it').conflicts(['openai', 'gguf']))
    .addOption(new Option('--timeout <seconds>', `with --load: how long to wait until it is loaded (default: ${LOAD_SECONDS})`).argParser(seconds).conflicts(['openai', 'gguf']))
    .addOption(new Option('--gguf <file>', 'weights for the local engine').conflicts(['openai', 'upstreamModel', 'keyStdin', 'external']));
  examples(add, [
    'sluice model add qwen --openai http://gpu-1:8000/v1 --upstream-model Qwen/Qwen3-8B',
    'sluice model add gpt-5 --openai https://api.openai.com/v1 --external --key-stdin < key.txt',
    'sluice model add smollm --kserve triton-1:8001 --upstream-model smollm2-135m-instruct',
    'sluice model add qwen --kserve triton-1:8001 --load --timeout 900',
    'sluice model add tiny --gguf ./tiny.Q8_0.gguf',
  ]).action(addModel);

  examples(reads(group.command('list').description('list the models and how their backends are')), ['sluice model list']).action(listModels);

  examples(reads(group.command('remove').description('take a model out of service, with all its versions and aliases; its price stays for a new one of that name').argument('<name>', 'name of the model')), ['sluice model remove qwen']).action(
    async (name: string, options: ReadOptions) => {
      const answer = await adminApi(options).send('DELETE', `/models/${encodeURIComponent(name)}`, removedModel);
      const { aliases: gone } = answer;
      printAnswer(options, answer, () => `removed ${printable(name)}${gone.length > 0 ? `, and its ${gone.length > 1 ? 'aliases' : 'alias'} ${gone.map(printableLine).join(', ')}` : ''}`);
    },
  );

  const aliases = reads(group.command('alias').description('give a model another name').argument('<alias>', 'the other name').argument('[model]', 'the model that it means'));
  examples(aliases.option('--remove', 'forget the alias'), ['sluice model alias gpt-4o qwen', 'sluice model alias gpt-4o --remove']).action(setAlias);
}

async function addModel(name: string, options: AddOptions): Promise<void> {
  if ((options.openai ?? options.kserve ?? options.gguf) === undefined) throw new WrongUse('Say where the model is: --openai URL, --kserve HOST:PORT or --gguf FILE.');
  if (options.timeout !== undefined && !options.load) throw new WrongUse('--timeout is for --load: without it nothing is waited for.');
  const api = adminApi(options);
  const answer = await added(api, name, options);
  const version = answer.versions.at(-1)?.number ?? 1;
  if (version === 1) return printAnswer(options, answer, () => `added ${printable(answer.name)}, version 1`);
  const whole = (await api.get('/models', models)).data.find(({ id }) => id === answer.id) ?? answer;
  const count = inUse(whole).length;
  printAnswer(options, answer, () => `added version ${version} of ${printable(answer.name)}${count > 1 ? `: calls are shared between ${count} deployments` : ''}`);
  if (isMixed(whole)) process.stderr.write(`Warning: ${mixed(whole)}\n`);
}

async function added(api: HttpApi, name: string, options: AddOptions): Promise<Model> {
  const body = { name, ...(await sourceOf(options)) };
  if (options.kserve === undefined || !options.load) return api.send('POST', '/models', model, body);
  const { addWhenLoaded } = await import('../model/add-when-loaded.ts');
  return addWhenLoaded(api, body, { address: options.kserve, upstreamModel: options.upstreamModel ?? name, waitMs: (options.timeout ?? LOAD_SECONDS) * 1000 });
}

function inUse({ deployments }: Model): Model['deployments'] {
  return deployments.filter(({ state }) => state === 'active');
}

/** Some prompts to such a model leave the house and some do not. */
function isMixed(one: Model): boolean {
  return new Set(inUse(one).map(({ placement }) => placement)).size > 1;
}

function mixed({ name }: Model): string {
  return `${printableLine(name)} is served inside and outside the house: any call to it may be the one whose prompt leaves.`;
}

async function sourceOf(options: AddOptions): Promise<object> {
  if (options.gguf !== undefined) return { gguf: await localWeights(options.gguf, options) };
  return options.kserve === undefined ? { openai: await openAiSource(options) } : { kserve: kserveSource(options.kserve, options) };
}

function kserveSource(address: string, { upstreamModel, external, load }: AddOptions): object {
  if (!/^[^\s/@]+:\d+$/.test(address)) throw new WrongUse('--kserve takes HOST:PORT of the gRPC of a KServe v2 server, for example triton-1:8001');
  return { address, ...(upstreamModel && { upstream_model: upstreamModel }), ...(external && { external: true }), ...(load && { managed: true }) };
}

async function openAiSource(options: AddOptions): Promise<object> {
  return {
    base_url: baseUrl(options.openai!),
    ...(options.upstreamModel && { upstream_model: options.upstreamModel }),
    ...(options.external && { external: true }),
    ...(options.keyStdin && { credential: await readSecret('the key') }),
  };
}

/** The reader of weights is loaded when there are weights. */
async function localWeights(file: string, options: AddOptions): Promise<{ path: string; digest: string }> {
  const { keepWeights } = await import('../data-folder/weights.ts');
  return interruptible(async (signal) => keepWeights(file, options.data, signal));
}

function baseUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) throw new WrongUse(`--openai takes an http(s) address, for example http://gpu-1:8000/v1`);
  if (url.username || url.password) throw new WrongUse('Give the key with --key-stdin, not in the address: an address is shown and recorded.');
  return text.replace(/\/+$/, '').replace(/\/chat\/completions$/, '');
}

async function listModels(options: ReadOptions): Promise<void> {
  const api = adminApi(options);
  const [answer, backends] = await Promise.all([api.get('/models', models), api.get('/backends', listOf(backend))]);
  const health = new Map(backends.data.map((row) => [row.deployment_id, row]));
  const withHealth = answer.data.map((row) => ({
    ...row,
    deployments: row.deployments.map((one) => ({ ...one, healthy: health.get(one.id)?.healthy ?? null, reason: health.get(one.id)?.reason ?? null })),
  }));
  printAnswer(options, { ...answer, data: withHealth, backends: backends.data }, () => {
    if (answer.data.length === 0) return asTyped('There is no model yet. Add one: sluice model add NAME (--openai URL, --kserve HOST:PORT or --gguf FILE)');
    const rows = withHealth.flatMap((row) =>
      row.deployments
        .filter(({ state }) => state !== 'removed')
        .map((one) => [row.name, versionOf(row, one.version_id), row.aliases.join(','), one.protocol, one.placement, one.target, one.upstream_model || '-', healthOf(one)]),
    );
    const listed = table(['MODEL', 'VERSION', 'ALIASES', 'PROTOCOL', 'PLACEMENT', 'WHERE', 'UPSTREAM MODEL', 'STATE'], rows);
    return [listed, ...answer.data.filter(isMixed).map(mixed)].join('\n');
  });
}

function versionOf({ versions }: Model, id: string): string {
  return String(versions.find((version) => version.id === id)?.number ?? '-');
}

/** A deployment that no router has met yet shows what the registry says of it. */
function healthOf({ healthy, reason, state }: { readonly healthy: boolean | null; readonly reason: string | null; readonly state: string }): string {
  if (healthy === null) return state;
  return `${healthy ? 'healthy' : 'unhealthy'}${reason ? ` (${healthy ? 'last failure: ' : ''}${reason})` : ''}`;
}

async function setAlias(name: string, target: string | undefined, options: ReadOptions & { remove?: boolean }): Promise<void> {
  if (options.remove === (target !== undefined)) throw new WrongUse('Give a model, or --remove to forget the alias.');
  if (!options.remove && target === undefined) throw new WrongUse('Give the model that the alias means, or --remove to forget it.');
  const path = `/aliases/${encodeURIComponent(name)}`;
  const answer = options.remove ? await adminApi(options).send('DELETE', path, deleted) : await adminApi(options).send('PUT', path, alias, { model: target });
  printAnswer(options, answer, () => (options.remove ? `forgot the alias ${printable(name)}` : `${printable(name)} now means ${printable(target!)}`));
}
