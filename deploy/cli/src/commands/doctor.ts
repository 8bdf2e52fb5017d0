import type { Command } from 'commander';
import { examples, reads, type ReadOptions } from './output.ts';

export function addDoctorCommand(program: Command): void {
  const doctor = reads(program.command('doctor').description('look at this machine, the data folder, the platform and every server that the settings name: what is there, what answers, what is wrong, and the mend. Exit code 1 when something is wrong'));
  examples(doctor, ['sluice doctor', 'sluice doctor --json', 'DATABASE_URL=postgresql://db-1/platform KAFKA_BROKERS=kafka-1:9092,kafka-2:9092 sluice doctor']).action(async (options: ReadOptions) => {
    const { doctor: look } = await import('../doctor/doctor.ts');
    await look(options);
  });
}
