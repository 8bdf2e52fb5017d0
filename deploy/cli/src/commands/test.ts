import type { Command } from 'commander';
import { examples } from './output.ts';

export function addTestCommand(program: Command): void {
  const test = program.command('test').description('run the tests; the last line reads `N passed, N failed`').option('--only <pattern>', 'a path, or a part of a test name');
  examples(test, ['sluice test', 'sluice test --only libs/clock', 'sluice test --only "wakes in order"']).action(async (options: { only?: string }) => {
    const { runTests } = await import('../test-run/test-run.ts');
    process.exitCode = await runTests(options.only);
  });
}
