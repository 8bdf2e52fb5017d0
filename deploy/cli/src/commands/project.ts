import { Option, type Command } from 'commander';
import { listOf, project } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { table } from '../terminal/table.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';

export function addProjectCommands(program: Command): void {
  const group = program.command('project').description('projects: who is charged, whose data key seals the records');

  examples(reads(group.command('list').description('list the projects')), ['sluice project list --json']).action(async (options: ReadOptions) => {
    const answer = await adminApi(options).get('/projects', listOf(project));
    printAnswer(options, answer, () => table(['ID', 'NAME', 'BODIES', 'CREATED'], answer.data.map((row) => [row.id, row.name, row.body_policy, row.created_at])));
  });

  const create = group.command('create').description('create a project').argument('<name>', 'name of the project');
  const policy = new Option('--bodies <policy>', 'what the audit keeps of a call').choices(['sent', 'original_and_sent', 'digest']);
  examples(reads(create).addOption(policy), ['sluice project create research', 'sluice project create payroll --bodies digest', 'sluice project create legal --bodies original_and_sent']).action(
    async (name: string, options: ReadOptions & { bodies?: string }) => {
      const answer = await adminApi(options).send('POST', '/projects', project, { name, ...(options.bodies && { body_policy: options.bodies }) });
      printAnswer(options, answer, () => `created project ${answer.id}`);
    },
  );
}
