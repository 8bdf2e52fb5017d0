import { create, createFileRegistry, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, file_google_protobuf_wrappers } from '@bufbuild/protobuf/wkt';

/** A service with a client stream, of which the house has none of its own: counts the characters of what it is sent. */
export const CountService: DescService = makeService();

function makeService(): DescService {
  const file = create(FileDescriptorProtoSchema, {
    name: 'rpc/contract.proto', package: 'rpc.contract', syntax: 'proto3', dependency: ['google/protobuf/wrappers.proto'],
    service: [{
      name: 'CountService',
      method: [{ name: 'Count', clientStreaming: true, inputType: '.google.protobuf.StringValue', outputType: '.google.protobuf.UInt64Value' }],
    }],
  });
  const service = createFileRegistry(file, (name) => (name === 'google/protobuf/wrappers.proto' ? file_google_protobuf_wrappers : undefined)).getService('rpc.contract.CountService');
  if (!service) throw new Error('the descriptor of the contract was not made');
  return service;
}

/** What a client of CountService looks like; its descriptor is made at run time, so the types are said here. */
export interface CountClient {
  count(requests: AsyncIterable<{ value: string }>, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<{ value: bigint }>;
}
