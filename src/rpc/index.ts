/** gRPC servers on unix sockets: what the CRI's and the admin socket's have in common. */
export type { CallSubject, RpcLogger } from './access-log.ts';
export { rpcName, stream, unary } from './handler.ts';
export type { Check, Handler, Method, Run, RunStream } from './handler.ts';
export { codeName } from './grpc-status.ts';
export type { Around, CallFacts, CallMetrics } from './interceptor.ts';
export { createRpcServer } from './server.ts';
export type { RpcServer, RpcServerOptions } from './server.ts';
