import { messageOf } from './errors.ts';
import type { EventHub } from './events/index.ts';
import type { ImageObserver } from './image/index.ts';

/** Makes events of what happens to images, and hands on to `also`. */
export function observeImages(hub: EventHub, also?: Pick<ImageObserver, 'received' | 'pullEnded'>): ImageObserver {
  return {
    received: (bytes) => also?.received(bytes),
    pullEnded: (report) => {
      also?.pullEnded(report);
      const { reference, durationMs, image, error } = report;
      const seconds = (durationMs / 1000).toFixed(3);
      hub.publish(
        image === undefined
          ? anEvent('pull-failed', '', { reference, seconds, error: messageOf(error) })
          : anEvent('pulled', image.id, { reference, seconds, bytes: String(image.sizeBytes) }),
      );
    },
    removed: ({ id, reference }) => hub.publish(anEvent('removed', id, { reference })),
  };
}

function anEvent(
  action: 'pulled' | 'pull-failed' | 'removed',
  id: string,
  attributes: Readonly<Record<string, string>>,
): Parameters<EventHub['publish']>[0] {
  return { object: 'image', action, id, attributes, labels: {} };
}
