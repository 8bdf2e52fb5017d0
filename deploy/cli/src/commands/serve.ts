import type { Command } from 'commander';
import { WrongUse } from '../exit-code.ts';
import type { ServeOptions } from '../serve/serve.ts';
import { examples, folderPath } from './output.ts';

export function addServeCommand(program: Command): void {
  const serve = program
    .command('serve')
    .description('host the named services in this process, as a part of a mesh; its settings are environment variables (docs/settings.md)')
    .argument('<service...>', 'gateway, content-filter, inference-router (the data plane), access, model-registry, content-filter-rules, audit, billing, local-engine')
    .option('--data <dir>', 'data folder, for the weights of local-engine (or SLUICE_DATA)', folderPath);
  examples(serve, ['sluice serve gateway content-filter inference-router', 'sluice serve access', 'sluice serve model-registry content-filter-rules audit billing']).action(async (words: string[], options: ServeOptions) => {
    const { ALL_SERVICES, isService } = await import('../services/compose.ts');
    const services = [...new Set(words)].filter(isService);
    const unknown = words.find((word) => !isService(word));
    if (unknown !== undefined) throw new WrongUse(`There is no service ${JSON.stringify(unknown)}. There are ${ALL_SERVICES.join(', ')}.`);
    const { serve: run } = await import('../serve/serve.ts');
    await run(services, options);
  });
}
