import type { Engine, Image as EngineImage } from '../engine/index.ts';
import { fromFsInfo, fromImage, fromImageConfig, toImageFilter, toImageName, toPullRequest } from './convert/image.ts';
import { toInspectInfo } from './convert/info.ts';
import { createListEncoder } from './encoded-list.ts';
import { Image, ImageService } from './generated/cri.js';
import { change, NEEDS_CONTAINERD, read, readStream } from './handler.ts';
import type { Handler } from '../rpc/index.ts';

export type ImageVerbs = Pick<Engine, 'pullImage' | 'getImage' | 'listImages' | 'removeImage' | 'imageFsInfo'>;

export function imageHandlers(engine: ImageVerbs): readonly Handler[] {
  const list = createListEncoder((image: EngineImage) => Image.encode(fromImage(image)).finish());
  return [
    read(ImageService.listImages, ({ filter }) => list.whole(engine.listImages(toImageFilter(filter)))),
    readStream(ImageService.streamImages, async function* ({ filter }) {
      yield* list.parts(engine.listImages(toImageFilter(filter)));
    }),
    change(
      ImageService.pullImage,
      async (request, signal) => ({
        imageRef: await engine.pullImage(toPullRequest(request), signal),
      }),
      NEEDS_CONTAINERD,
    ),
    // An image that is not there is an empty answer, not an error.
    read(ImageService.imageStatus, (request) => {
      const image = engine.getImage(toImageName('image', request.image));
      if (image === undefined) return {};
      const info = request.verbose ? toInspectInfo(fromImageConfig(image)) : {};
      return { image: fromImage(image), info };
    }),
    change(
      ImageService.removeImage,
      async (request, signal) => {
        await engine.removeImage(toImageName('image', request.image), signal);
        return {};
      },
      NEEDS_CONTAINERD,
    ),
    read(ImageService.imageFsInfo, () => fromFsInfo(engine.imageFsInfo()), { beforeReady: true }),
  ];
}
