import type { Command } from 'commander';
import { examples, folderPath, printAnswer } from './output.ts';

interface Options {
  readonly process?: string[];
  readonly host?: string[];
  readonly json?: boolean;
}

export function addCertsCommand(program: Command): void {
  const certs = program
    .command('certs')
    .description('make the certificates by which the processes of a mesh know each other; what is good stays, so this can run every day')
    .argument('<dir>', 'folder of the certificates: ca.pem, ca.key, and NAME.pem and NAME.key for each process', folderPath)
    .option('--process <name=services...>', 'a process and the services it hosts, instead of the usual ones (data-plane, and one for each other service)')
    .option('--host <name...>', 'host names and addresses to put into each, for clients that check those')
    .option('--json', 'print JSON for programs');
  examples(certs, ['sluice certs ./certificates', 'sluice certs ./certificates --host sluice.example.com', 'sluice certs ./certificates --process control=access,model-registry,content-filter-rules,audit,billing,local-engine']).action(async (dir: string, options: Options) => {
    const { makeCertificates } = await import('../certs/make-certificates.ts');
    const { table } = await import('../terminal/table.ts');
    const made = await makeCertificates(dir, options);
    const data = made.map(({ name, services, notAfter, isNew }) => ({ name, services, not_after: notAfter.toISOString(), made: isNew }));
    printAnswer(options, { object: 'certificates', data }, () => table(['name', '', 'ends', 'services'], data.map((one) => [one.name, one.made ? 'made' : 'kept', one.not_after.slice(0, 10), one.services.join(' ')])));
  });
}
