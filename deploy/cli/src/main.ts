import { run } from './program.ts';
import { outliveReaders } from './terminal/closed-output.ts';

outliveReaders();
process.exitCode = await run(process.argv.slice(2));
