import type { Engine } from '../engine/index.ts';
import type { Handler } from '../rpc/index.ts';
import { fromPodEvent } from './convert/events.ts';
import { RuntimeService } from './generated/cri.js';
import { readStream } from './handler.ts';

export type EventVerbs = Pick<Engine, 'podEvents'>;

/** What the interface has no event for, such as an OOM kill, is told by the status that comes with the next one. */
export function eventHandlers(engine: EventVerbs): readonly Handler[] {
  return [
    readStream(
      RuntimeService.getContainerEvents,
      async function* (_request, signal) {
        for await (const event of engine.podEvents(signal)) {
          const response = fromPodEvent(event);
          if (response !== undefined) yield response;
        }
      },
      { endless: true },
    ),
  ];
}
