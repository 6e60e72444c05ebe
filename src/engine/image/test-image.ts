import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';

/** Images for tests, made in memory. */
export interface TestImage {
  readonly id: string;
  /** Digest and media type of what a tag points to. */
  readonly digest: string;
  readonly mediaType: string;
  readonly layers: readonly TestBlob[];
  /** Every blob and document by digest. */
  readonly blobs: ReadonlyMap<string, TestBlob>;
}

export interface TestBlob {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface TestImageOptions {
  /** One entry for each layer: its files. */
  readonly layers: readonly Readonly<Record<string, string | Buffer>>[];
  readonly compression?: 'gzip' | 'zstd' | 'none';
  readonly config?: Readonly<Record<string, unknown>>;
  /** Wraps the manifest into an index with a second platform. */
  readonly index?: boolean;
  readonly docker?: boolean;
  /** Takes the place of the layers' true diff ids. */
  readonly diffIds?: readonly string[];
}

const OCI = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: {
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
    none: 'application/vnd.oci.image.layer.v1.tar',
  },
};
const DOCKER = {
  index: 'application/vnd.docker.distribution.manifest.list.v2+json',
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: {
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
    none: 'application/vnd.docker.image.rootfs.diff.tar',
  },
};

export function testImage(options: TestImageOptions): TestImage {
  const types = options.docker === true ? DOCKER : OCI;
  const compression = options.compression ?? 'gzip';
  const blobs = new Map<string, TestBlob>();
  const add = (bytes: Buffer, mediaType: string): TestBlob => {
    const blob = { digest: digestOf(bytes), mediaType, bytes };
    blobs.set(blob.digest, blob);
    return blob;
  };
  const tars = options.layers.map(tar);
  const layers = tars.map((bytes) => add(compress(bytes, compression), types.layer[compression]));
  const diffIds = options.diffIds ?? tars.map(digestOf);
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: options.config ?? {},
    rootfs: { type: 'layers', diff_ids: diffIds },
  };
  const configBlob = add(json(config), types.config);
  const manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: describe(configBlob),
    layers: layers.map(describe),
  };
  let top = add(json(manifest), types.manifest);
  if (options.index === true) {
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const other = { mediaType: types.manifest, digest: digestOf(Buffer.from('other')), size: 5 };
    const manifests = [
      { ...other, platform: { os: 'linux', architecture: 's390x' } },
      { ...describe(top), platform: { os: 'linux', architecture } },
    ];
    top = add(json({ schemaVersion: 2, mediaType: types.index, manifests }), types.index);
  }
  return { id: configBlob.digest, digest: top.digest, mediaType: top.mediaType, layers, blobs };
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function describe({ mediaType, digest, bytes }: TestBlob): object {
  return { mediaType, digest, size: bytes.length };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function compress(bytes: Buffer, compression: 'gzip' | 'zstd' | 'none'): Buffer {
  if (compression === 'gzip') return gzipSync(bytes, { level: 1 });
  return compression === 'zstd' ? zstdCompressSync(bytes) : bytes;
}

const BLOCK = 512;

/** A ustar archive of plain files. */
function tar(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, content] of Object.entries(files)) {
    const bytes = Buffer.from(content);
    parts.push(header(name, bytes.length), bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write(octal(0o755, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  block.write('        ', 148);
  block.write('0', 156);
  block.write('ustar\0', 257);
  block.write('00', 263);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** A number as the archive's headers hold it, NUL at its end. */
function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}
