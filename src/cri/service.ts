import type { Server } from '@grpc/grpc-js';
import type { Engine } from '../engine/index.ts';
import { containerHandlers } from './container.ts';
import { execHandlers } from './exec.ts';
import { ImageService, RuntimeService } from './generated/cri.js';
import type { Handler } from './handler.ts';
import { unimplemented } from './handler.ts';
import { imageHandlers } from './image.ts';
import { intercept } from './interceptor.ts';
import type { InterceptorDeps } from './interceptor.ts';
import { sandboxHandlers } from './sandbox.ts';
import { statsHandlers } from './stats.ts';
import { statusHandlers } from './status.ts';
import { streamHandlers } from './streams.ts';
import type { StreamingUrls } from './streams.ts';

/** What is built. An RPC that is in the interface and not here answers UNIMPLEMENTED. */
export function criHandlers(engine: Engine, streaming: StreamingUrls, version: string): readonly Handler[] {
  return [
    ...statusHandlers(engine, version),
    ...sandboxHandlers(engine),
    ...containerHandlers(engine),
    ...execHandlers(engine),
    ...streamHandlers(engine, streaming),
    ...imageHandlers(engine),
    ...statsHandlers(engine),
  ];
}

/** Every method of both services, in the order of the interface. */
export function criPaths(): readonly string[] {
  return [RuntimeService, ImageService].flatMap((service) => Object.values(service).map(({ path }) => path));
}

/** Registers all methods. Bytes pass grpc-js as they are: the interceptor decodes and encodes, so that it sees failures. */
export function registerCri(server: Server, handlers: readonly Handler[], deps: InterceptorDeps): void {
  const built = new Map(handlers.map((handler) => [handler.path, handler]));
  for (const path of criPaths()) {
    // A refusal looks the same on the wire for a method that would stream.
    const handler = built.get(path) ?? unimplemented(path);
    server.register(path, intercept(handler, deps), asIs, asIs, 'unary');
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
