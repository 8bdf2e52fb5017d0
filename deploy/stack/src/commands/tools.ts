import { dockerRuns } from '../docker/docker.ts';
import { javaMajor } from '../packages/kafka-jars.ts';
import { JAVA_MAJOR, NUMPY_WHEELS } from '../pins.ts';
import { askTool } from '../processes/run-tool.ts';

/** A program of this machine that `stack up` stands on. */
export interface Tool {
  readonly name: string;
  /** What it says of itself; undefined when it is not there, or too old. */
  readonly found: string | undefined;
  readonly neededFor: string;
  readonly mend: string;
}

/** Looks for what the stack needs without Docker, and for Docker, with which it needs nothing else. */
export async function stackTools(): Promise<readonly Tool[]> {
  const [docker, java, maven, python, pip] = await Promise.all([
    dockerRuns(), askTool(['java', '-version']), askTool(['mvn', '--version']),
    askTool(['python3', '-c', 'import sys; print("%d.%d" % sys.version_info[:2])']), askTool(['python3', '-m', 'pip', '--version']),
  ]);
  const major = javaMajor(java);
  const version = python?.trim();
  const isKnownPython = version !== undefined && Object.hasOwn(NUMPY_WHEELS, version);
  return [
    { name: 'Docker', found: docker ? 'its engine and Compose answer' : undefined, neededFor: 'every server of stack up, instead of what follows', mend: 'install Docker with Compose and start its engine, or leave it: stack up works without' },
    { name: 'Java', found: major !== undefined && major >= JAVA_MAJOR ? `Java ${major}` : undefined, neededFor: 'Kafka in stack up', mend: `Debian: apt-get install openjdk-${JAVA_MAJOR}-jre-headless` },
    { name: 'Maven', found: maven?.split('\n')[0]?.replace(/\x1b\[[\d;]*m/g, ''), neededFor: 'bringing Kafka in stack up', mend: 'Debian: apt-get install maven' },
    { name: 'Python', found: isKnownPython ? `Python ${version}` : undefined, neededFor: 'Triton in stack up, and bringing the demonstration model', mend: `put Python ${Object.keys(NUMPY_WHEELS).join(', ')} on the PATH as python3; Debian: apt-get install python3` },
    { name: 'pip', found: pip?.split(' from ')[0], neededFor: 'bringing Triton and the demonstration model', mend: 'Debian: apt-get install python3-pip' },
  ];
}
