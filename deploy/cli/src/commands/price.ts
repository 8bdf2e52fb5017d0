import { Argument, Option, type Command } from 'commander';
import { WrongUse } from '../exit-code.ts';
import { currency, price, prices } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { table } from '../terminal/table.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { inUnits, nanoPrice } from './nano.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';

interface SetOptions extends ReadOptions {
  readonly input?: string;
  readonly output?: string;
  readonly perRequest?: string;
  readonly cachedInput?: string;
  readonly reasoning?: string;
}

const MILLION = 1_000_000n;

export function addPriceCommands(program: Command): void {
  const group = program.command('price').description('what models cost: set, list, currency');

  const set = reads(group.command('set').description('set the price of a model from now on; calls that run keep theirs. A model whose price is 0 costs nothing, as one without a price').argument('<model>', 'name of a model, or an alias of it'))
    .option('--input <nano>', 'nano-units (10^-9 of the currency) a token that goes in', nanoPrice)
    .option('--output <nano>', 'nano-units a token that comes out', nanoPrice)
    .addOption(new Option('--per-request <nano>', 'nano-units a request to a model of tensors, which is one unit of input').argParser(nanoPrice).conflicts(['input', 'output', 'cachedInput', 'reasoning']))
    .option('--cached-input <nano>', 'nano-units a token that goes in and was cached (default: as --input)', nanoPrice)
    .option('--reasoning <nano>', 'nano-units a token of reasoning (default: as --output)', nanoPrice);
  examples(set, ['sluice price set smollm2-135m-instruct --input 150 --output 600', 'sluice price set gpt-4o --input 2500 --output 10000 --cached-input 1250', 'sluice price set defects --per-request 50000']).action(setPrice);

  const list = reads(group.command('list').description('list the prices, also of models that were removed: they hold again for a new model of that name')).option('--history', 'every version, not only the ones in force');
  examples(list, ['sluice price list', 'sluice price list --history --json']).action(async (options: ReadOptions & { history?: boolean }) => {
    const answer = await adminApi(options).get('/prices', prices, { ...(options.history && { history: 'true' }) });
    printAnswer(options, answer, () =>
      answer.data.length === 0
        ? asTyped('No model has a price: calls cost nothing. Set one with: sluice price set MODEL --input NANO --output NANO')
        : table(
            ['MODEL', `INPUT (${answer.currency}/M tokens)`, 'CACHED', 'OUTPUT', 'REASONING', 'VALID FROM'],
            answer.data.map((row) => [row.removed ? `${row.model} (removed)` : row.model, ...[row.input_nano, row.cached_input_nano, row.output_nano, row.reasoning_nano].map(perMillion), row.valid_from]),
          ),
    );
  });

  const money = reads(group.command('currency').description('show or set the currency of all amounts; set before the first price').addArgument(new Argument('[code]', 'by ISO 4217, as EUR')));
  examples(money, ['sluice price currency', 'sluice price currency EUR']).action(async (code: string | undefined, options: ReadOptions) => {
    if (code !== undefined && !/^[A-Z]{3}$/.test(code)) throw new WrongUse('Give the code of a currency by ISO 4217, as EUR.');
    const api = adminApi(options);
    const answer = code === undefined ? { object: 'currency', currency: (await api.get('/prices', prices)).currency } : await api.send('PUT', '/currency', currency, { currency: code });
    printAnswer(options, answer, () => answer.currency);
  });
}

async function setPrice(model: string, options: SetOptions): Promise<void> {
  const { perRequest } = options;
  const [input, output] = perRequest === undefined ? [options.input, options.output] : [perRequest, '0'];
  if (input === undefined || output === undefined) throw new WrongUse('Give --input and --output, or --per-request for a model of tensors.');
  const body = {
    input_nano: input,
    output_nano: output,
    ...(options.cachedInput !== undefined && { cached_input_nano: options.cachedInput }),
    ...(options.reasoning !== undefined && { reasoning_nano: options.reasoning }),
  };
  const answer = await adminApi(options).send('PUT', `/prices/${encodeURIComponent(model)}`, price, body);
  const shown = (): string => `${answer.model}: ${inUnits(answer.input_nano)} ${answer.currency} a request, from ${answer.valid_from}`;
  printAnswer(options, answer, perRequest !== undefined ? shown : () => `${answer.model}: input ${perMillion(answer.input_nano)}, output ${perMillion(answer.output_nano)} ${answer.currency} a million tokens, from ${answer.valid_from}`);
}

/** People compare prices by the million tokens. */
function perMillion(nano: string): string {
  return inUnits(String(BigInt(nano) * MILLION));
}
