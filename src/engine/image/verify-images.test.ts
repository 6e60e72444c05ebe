import { createHash } from 'node:crypto';
import Long from 'long';
import { describe, expect, it } from 'vitest';
import { content as api } from '../containerd/generated/containerd.js';
import { EngineError } from '../errors.ts';
import { FakeLayers } from '../layer/fake.ts';
import type { StoredImage } from './stored-image.ts';
import { verifyImages } from './verify-images.ts';
import type { VerifyDeps } from './verify-images.ts';

const NEVER = new AbortController().signal;
const SNAPSHOTTER = 'overlayfs';
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** An image of one layer for each text; the chain ids are the texts. */
function imageOf(id: string, ...texts: readonly string[]): StoredImage {
  const document = { mediaType: 'application/json', digest: `sha256:${id}`, size: 2 };
  return {
    id,
    target: document,
    path: [],
    config: document,
    layers: texts.map((text) => ({ mediaType: 'layer', digest: digestOf(text), size: text.length })),
    diffIds: texts,
    chainIds: texts,
    holder: document.digest,
    imageConfig: {
      entrypoint: [],
      cmd: [],
      env: [],
      workingDir: '',
      user: '',
      stopSignal: '',
      volumes: [],
      labels: {},
    },
    sizeBytes: 1,
  };
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** A store with these images, oldest first, whose layers are all unpacked. */
function store(...images: readonly StoredImage[]) {
  const blobs = new Map<string, { text: string; madeAt: number }>();
  const layers = new FakeLayers();
  images.forEach((image, madeAt) => {
    for (const [at, { digest }] of image.layers.entries()) {
      blobs.set(digest, { text: image.diffIds[at] ?? '', madeAt });
      layers.layers.add(`${SNAPSHOTTER} ${image.chainIds[at]}`);
    }
  });
  const blobOf = (digest: string): { text: string; madeAt: number } => {
    const blob = blobs.get(digest);
    if (blob === undefined) throw new EngineError('not-found', digest);
    return blob;
  };
  const removed: string[] = [];
  const content: VerifyDeps['clients']['content'] = {
    info: async ({ digest }) => {
      const { text, madeAt } = blobOf(digest ?? '');
      const createdAt = { seconds: Long.fromNumber(madeAt), nanos: 0 };
      return api.InfoResponse.create({ info: api.Info.create({ size: Long.fromNumber(text.length), createdAt }) });
    },
    read: async function* ({ digest }) {
      yield api.ReadContentResponse.create({ data: Buffer.from(blobOf(digest ?? '').text) });
    },
    delete: async ({ digest }) => {
      blobs.delete(digest ?? '');
      return {};
    },
  };
  const deps: VerifyDeps = {
    clients: { content },
    layers,
    snapshotters: [SNAPSHOTTER],
    images: () => images,
    remove: async (id: string) => void removed.push(id),
    logger: SILENT,
  };
  return {
    verify: () => verifyImages(deps, NEVER),
    /** Writes something else in the place of a layer. */
    damage: (text: string, by: string) =>
      blobs.set(digestOf(text), { text: by, madeAt: blobOf(digestOf(text)).madeAt }),
    lose: (text: string) => blobs.delete(digestOf(text)),
    removed,
    unpacked: layers.layers,
  };
}

describe('verifyImages()', () => {
  it('removes an image of which a layer is cut short, however old it is', async () => {
    const all = ['one', 'two', 'three', 'four', 'five'].map((text) => imageOf(`image-${text}`, text));
    const node = store(...all);
    node.damage('one', 'o');
    expect(await node.verify()).toEqual({ images: 4, removed: ['image-one'] });
    expect(node.removed).toEqual(['image-one']);
  });

  it('finds other bytes of the same length in the newest images', async () => {
    const node = store(imageOf('old', 'aaa'), imageOf('new', 'base', 'bbb'));
    node.damage('bbb', 'xxx');
    expect((await node.verify()).removed).toEqual(['new']);
  });

  it('has the newest unpacked anew, and leaves what is older as it is', async () => {
    const node = store(...['one', 'two', 'three', 'four'].map((text) => imageOf(text, text)));
    await node.verify();
    expect([...node.unpacked]).toEqual([`${SNAPSHOTTER} one`]);
    expect(node.removed).toEqual([]);
  });

  it('takes an image for whole that has no packed layers any more', async () => {
    const node = store(imageOf('unpacked', 'gone'));
    node.lose('gone');
    expect((await node.verify()).removed).toEqual([]);
    expect([...node.unpacked]).toEqual([`${SNAPSHOTTER} gone`]);
  });
});
