import type { Engine } from '../engine/index.ts';
import { containerHandlers } from './container.ts';
import { eventHandlers } from './events.ts';
import { execHandlers } from './exec.ts';
import { ImageService, RuntimeService } from './generated/cri.js';
import type { Handler } from '../rpc/index.ts';
import { imageHandlers } from './image.ts';
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
    ...eventHandlers(engine),
  ];
}

/** Every method of both services, in the order of the interface. */
export function criPaths(): readonly string[] {
  return [RuntimeService, ImageService].flatMap((service) => Object.values(service).map(({ path }) => path));
}
