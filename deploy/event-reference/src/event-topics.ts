import { execFileSync } from 'node:child_process';
import { createFileRegistry, fromBinary, getOption, hasOption, type DescField, type DescFile, type DescMessage, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { getComments } from '@bufbuild/protoplugin';
import { processEnvironment } from '@sluice/config';
import { topic as topicOption, type Topic } from '@sluice/proto/events/v1/topic';

/** A topic as it is declared beside its message. */
export interface EventTopic {
  readonly declared: Topic;
  readonly message: DescMessage;
  /** What the declaration says of the message, in words. */
  readonly description: string;
  readonly fields: readonly EventField[];
}

export interface EventField {
  readonly field: DescField;
  readonly description: string;
}

/** The contracts of the events: every topic by its name, and the files that their messages need. */
export interface EventContracts {
  readonly topics: readonly EventTopic[];
  readonly files: readonly DescFile[];
  readonly registry: FileRegistry;
  /** The same files as `google.protobuf.FileDescriptorSet`, without comments: what a reader outside needs to decode them. */
  readonly descriptors: Uint8Array;
}

/** Reads the declarations in the folder of the contracts with buf, comments included. */
export function readEventContracts(protoFolder: string): EventContracts {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, build(protoFolder)));
  const topics: EventTopic[] = [];
  for (const type of registry) {
    if (type.kind !== 'message' || !hasOption(type, topicOption)) continue;
    const fields = type.fields.map((field) => ({ field, description: wordsOf(getComments(field).leading) }));
    topics.push({ declared: getOption(type, topicOption), message: type, description: wordsOf(getComments(type).leading), fields });
  }
  topics.sort((left, right) => (left.declared.name < right.declared.name ? -1 : 1));
  return { topics, files: [...registry.files], registry, descriptors: build(protoFolder, '--exclude-source-info') };
}

function build(folder: string, ...more: readonly string[]): Buffer {
  return execFileSync('buf', ['build', '--path', 'events/v1', ...more, '--output', '-#format=binpb'], { cwd: folder, env: processEnvironment, maxBuffer: 16 << 20 });
}

/** Comments are wrapped lines; words have none. */
function wordsOf(comment: string | undefined): string {
  return (comment ?? '').split('\n').map((line) => line.trim()).join(' ').trim();
}
