import type { FilesystemUsage, Image, ImageFsInfo, PullRequest, RegistryAuth } from '../../engine/index.ts';
import { invalidField } from '../../engine/index.ts';
import type * as cri from '../generated/cri.js';
import { quote, required } from './checks.ts';
import { compact } from './compact.ts';
import { toSandboxMetadata } from './metadata.ts';
import { toLong, toUnsignedLong } from './numbers.ts';

/** Longer than any reference with a digest can be: 255 of a name, 128 of a tag, and the digest. */
const MAX_REFERENCE_BYTES = 1024;

/** The reference, digest or id that an image is asked for by; the engine parses it. */
export function toImageName(field: string, message: cri.ImageSpec | null): string {
  const { image } = required(field, message);
  if (image === '') throw invalidField(`${field}.image`, 'is required');
  if (image.length > MAX_REFERENCE_BYTES || !/^[\u0021-\u007e]+$/.test(image)) {
    throw invalidField(`${field}.image`, `is not an image reference: ${quote(image)}`);
  }
  return image;
}

/** undefined: all images. */
export function toImageFilter(filter: cri.ImageFilter | null): string | undefined {
  return filter?.image?.image ? toImageName('filter.image', filter.image) : undefined;
}

export function toPullRequest(request: cri.PullImageRequest): PullRequest {
  const metadata = request.sandboxConfig?.metadata ?? null;
  return compact({
    image: toImageName('image', request.image),
    auth: toAuth(request.auth),
    sandbox: metadata === null ? undefined : toSandboxMetadata('sandbox_config.metadata', metadata),
  });
}

export function fromImage(image: Image): cri.IImage {
  return {
    id: image.id,
    repoTags: image.repoTags,
    repoDigests: image.repoDigests,
    size: toUnsignedLong(image.sizeBytes),
    uid: image.user.uid === undefined ? null : { value: toLong(image.user.uid) },
    username: image.user.username ?? '',
    pinned: image.pinned,
  };
}

/** What verbose status shows of an image: the parts of its configuration by their names in the image specification. */
export function fromImageConfig(image: Image): Readonly<Record<string, unknown>> {
  const { config, artifact } = image;
  if (artifact !== undefined) return { artifact };
  return {
    chainID: image.chainId,
    imageSpec: {
      config: {
        Entrypoint: config.entrypoint,
        Cmd: config.cmd,
        Env: config.env,
        WorkingDir: config.workingDir,
        User: config.user,
        StopSignal: config.stopSignal,
        Volumes: Object.fromEntries(config.volumes.map((volume) => [volume, {}])),
        Labels: config.labels,
      },
    },
  };
}

export function fromFsInfo(info: ImageFsInfo): cri.IImageFsInfoResponse {
  return {
    imageFilesystems: info.imageFilesystems.map(fromUsage),
    containerFilesystems: info.containerFilesystems.map(fromUsage),
  };
}

function fromUsage(usage: FilesystemUsage): cri.IFilesystemUsage {
  return {
    timestamp: toLong(usage.timestamp),
    fsId: { mountpoint: usage.mountpoint },
    usedBytes: { value: toUnsignedLong(usage.usedBytes) },
    inodesUsed: { value: toUnsignedLong(usage.inodesUsed) },
  };
}

/** An empty message is no credentials. */
function toAuth(auth: cri.AuthConfig | null): RegistryAuth | undefined {
  if (auth === null) return undefined;
  const given = compact({
    username: auth.username || undefined,
    password: auth.password || undefined,
    auth: auth.auth || undefined,
    serverAddress: auth.serverAddress || undefined,
    identityToken: auth.identityToken || undefined,
    registryToken: auth.registryToken || undefined,
  });
  return Object.keys(given).length === 0 ? undefined : given;
}
