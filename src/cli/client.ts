import { connect } from 'node:net';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import type { $Method } from '../cri/generated/cri.js';
import { CallError, UsageError } from './errors.ts';

/** As large as the largest reply that the kubelet takes. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** One socket of davitd's: the way that commands talk to it. */
export interface SocketClient {
  /** A unary call; `timeoutMs` 0 waits for ever. Throws CallError. */
  call<IReq, Req, IRes, Res>(
    method: $Method<IReq, Req, IRes, Res, false, false>,
    request: IReq,
    timeoutMs: number,
  ): Promise<Res>;
  /** A call that is answered bit by bit, for as long as it is read. Throws CallError. */
  stream<IReq, Req, IRes, Res>(method: $Method<IReq, Req, IRes, Res, false, true>, request: IReq): AsyncIterable<Res>;
  close(): void;
}

/** `address` is `unix:///path` or `/path`; nothing is connected before the first call. */
export function createClient(address: string): SocketClient {
  const path = socketPath(address);
  const client = new Client(`unix:${path}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.default_authority': 'localhost',
  });
  return {
    async call(method, request, timeoutMs) {
      try {
        return await unary(client, method, request, timeoutMs);
      } catch (error) {
        throw await translate(error as ServiceError, path);
      }
    },
    async *stream<IReq, Req, IRes, Res>(method: $Method<IReq, Req, IRes, Res, false, true>, request: IReq) {
      const { path: name, requestSerialize, responseDeserialize } = method;
      const call = client.makeServerStreamRequest(name, requestSerialize, responseDeserialize, request);
      try {
        for await (const message of call) yield message as Res;
      } catch (error) {
        throw await translate(error as ServiceError, path);
      } finally {
        call.cancel();
      }
    },
    close: () => client.close(),
  };
}

function unary<IReq, Req, IRes, Res>(
  client: Client,
  method: $Method<IReq, Req, IRes, Res, false, false>,
  request: IReq,
  timeoutMs: number,
): Promise<Res> {
  const deadline = timeoutMs === 0 ? Infinity : Date.now() + timeoutMs;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new Metadata(),
      { deadline },
      (error, reply) => {
        if (error === null && reply !== undefined) resolve(reply);
        else reject(error ?? { code: status.INTERNAL, details: `${method.path}: no reply` });
      },
    );
  });
}

function socketPath(address: string): string {
  const path = address.replace(/^unix:(\/\/)?/, '');
  if (!path.startsWith('/')) throw new UsageError(`the socket must be unix:// and an absolute path, got "${address}"`);
  return path;
}

async function translate(error: ServiceError, path: string): Promise<CallError> {
  const code = status[error.code] ?? `code ${error.code}`;
  // davitd says UNAVAILABLE of containerd or of a registry too: only a connection tells who is away.
  const problem = error.code === status.UNAVAILABLE ? await connectProblem(path) : undefined;
  if (problem === undefined) return new CallError(code, error.details);
  return new CallError(code, `nothing answers on ${path} (${problem}): is davitd running?`);
}

/** Why nobody can connect to the socket, as an error's code; undefined when one can. */
function connectProblem(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
