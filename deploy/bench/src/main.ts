/**
 * `npm run bench`: the bare upstream, a bare proxy, the same on Fastify, Sluice without a rule, and Sluice with everything
 * on, in turn, in one run. `-- --quick` takes a quarter of the time; `-- --only NAME` measures one scenario.
 */
import { parseArgs } from 'node:util';
import { proxySubject, upstreamSubject } from './bare-subjects.ts';
import { freePort, startScript, stop } from './child.ts';
import { fdatasyncTime } from './fdatasync.ts';
import { report } from './report.ts';
import { measure, scenarios, type Figures } from './scenarios.ts';
import { sluiceSubject } from './sluice-subject.ts';
import type { Subject } from './subject.ts';

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, json: { type: 'boolean', default: false } } });
const upstreamPort = await freePort();
const upstream = await startScript('./mock-upstream.ts', upstreamPort);
const subjects: (() => Promise<Subject>)[] = [
  async () => upstreamSubject(upstreamPort, upstream.pid!),
  () => proxySubject('bare proxy (undici)', './bare-proxy.ts', upstreamPort),
  () => proxySubject('Fastify, JSON, key', './fastify-proxy.ts', upstreamPort),
  () => sluiceSubject(upstreamPort, false),
  () => sluiceSubject(upstreamPort, true),
];
const figures: Figures[] = [];
try {
  for (const start of subjects) {
    const subject = await start();
    try {
      for (const scenario of scenarios(values.quick).filter(({ name }) => !values.only || name === values.only)) {
        process.stderr.write(`${subject.name}: ${scenario.name}\n`);
        figures.push(await measure(subject, scenario));
      }
    } finally {
      await subject.stop();
    }
  }
} finally {
  await stop(upstream);
}
const fdatasync = fdatasyncTime();
process.stdout.write(values.json ? `${JSON.stringify({ fdatasync, figures }, null, 2)}\n` : `${report(figures, fdatasync)}\n`);
