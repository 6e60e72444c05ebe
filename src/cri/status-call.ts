import type { Client } from '@grpc/grpc-js';
import { RuntimeService } from './generated/cri.js';

/** Asks a CRI server for its status; resolves when it has answered, whatever the conditions are. */
export function statusCall(client: Client, deadline: number): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = RuntimeService.status;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { verbose: false }, { deadline }, (error) => {
    if (error === null) resolve();
    else reject(error);
  });
  return promise;
}
