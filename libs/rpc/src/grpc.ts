export { GrpcClient, type GrpcClientOptions } from './grpc/grpc-client.ts';
export { GrpcServer, type GrpcServerOptions } from './grpc/grpc-server.ts';
export { CertificateFiles, type CertificatePaths } from './grpc/certificate-files.ts';
export type { ChannelTls } from './grpc/channel-credentials.ts';
export { FRAME_BYTES, unframed, type UnreadCall, type UnreadImplementation } from './grpc/unread-call.ts';
