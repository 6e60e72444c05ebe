import { stat } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { text } from '../../hack/images/trees.ts';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { makeImage } from './support/images.ts';
import { BUSYBOX, Pod, crictlJson, ctr, mustCrictl } from './support/node.ts';

/** What the kubelet expects of images beyond what conformance tests look at; the numbers are those of our list. */

const TAGS = ['1', '2', '3'].map((tag) => `registry.k8s.io/k8s-staging-cri-tools/test-image-tags:${tag}`);

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

interface Image {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly size: string;
}

const images = (): CriClient => connectCri({ service: 'ImageService' });

async function pull(client: CriClient, image: string): Promise<string> {
  return (await client.call<{ imageRef: string }>('PullImage', { image: { image } })).imageRef;
}

async function imageStatus(client: CriClient, image: string): Promise<Image | null> {
  return (await client.call<{ image: Image | null }>('ImageStatus', { image: { image } })).image;
}

describe('images', () => {
  it('K5: have an id and a size', async () => {
    using client = images();
    const image = await imageStatus(client, BUSYBOX);
    expect(image?.id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(Number(image?.size)).toBeGreaterThan(0);
  });

  it('K11: have one identifier in every answer, by which containers are made and images removed', async () => {
    using client = images();
    using cri = connectCri();
    const [tag = ''] = TAGS;
    const imageRef = await pull(client, tag);
    expect((await imageStatus(client, tag))?.id).toBe(imageRef);
    expect((await imageStatus(client, imageRef))?.id).toBe(imageRef);
    const { images: listed } = await client.call<{ images: Image[] }>('ListImages', {});
    expect(listed.filter(({ id }) => id === imageRef)).toHaveLength(1);
    await using pod = await Pod.run('by-id');
    const id = await pod.create('main', { image: { image: imageRef, user_specified_image: tag } });
    const { containers } = await cri.call<{ containers: object[] }>('ListContainers', { filter: { id } });
    expect(containers).toMatchObject([{ imageId: imageRef, image: { image: tag } }]);
    const { status } = await cri.call<{ status: object }>('ContainerStatus', { containerId: id });
    expect(status).toMatchObject({ imageId: imageRef, image: { image: tag, userSpecifiedImage: tag } });
    await cri.removeContainer(id);
    await client.call('RemoveImage', { image: { image: imageRef } });
    expect(await imageStatus(client, tag)).toBeNull();
  });

  it.each([
    ['a tag', ({ repoTags }: Image) => repoTags[1]],
    ['a digest', ({ repoDigests }: Image) => repoDigests[0]],
    ['the id', ({ id }: Image) => id],
    ['the beginning of the id', ({ id }: Image) => id.slice('sha256:'.length, 'sha256:'.length + 12)],
  ])('K11: go with all of their tags when they are removed by %s, and a second time is fine', async (_by, name) => {
    using client = images();
    for (const tag of TAGS) await pull(client, tag);
    const before = await imageStatus(client, TAGS[0] ?? '');
    expect(before?.repoTags.toSorted()).toEqual(TAGS);
    const image = { image: before === null ? '' : (name(before) ?? '') };
    await client.call('RemoveImage', { image });
    for (const tag of TAGS) expect(await imageStatus(client, tag)).toBeNull();
    expect(await imageStatus(client, before?.id ?? '')).toBeNull();
    await client.call('RemoveImage', { image });
    expect(await ctr('-n', 'davit', 'images', 'ls', '-q')).not.toContain('test-image-tags');
  });

  it('K12: are found by tag and by digest, as they are called and in short', async () => {
    using client = images();
    const [tag = ''] = TAGS;
    const id = await pull(client, tag);
    const image = await imageStatus(client, tag);
    expect(image?.repoTags).toContain(tag);
    const [digest = ''] = image?.repoDigests ?? [];
    expect(digest).toMatch(/^registry\.k8s\.io\/k8s-staging-cri-tools\/test-image-tags@sha256:[0-9a-f]{64}$/);
    expect((await imageStatus(client, digest))?.id).toBe(id);
    const { images: listed } = await client.call<{ images: Image[] }>('ListImages', {
      filter: { image: { image: tag } },
    });
    expect(listed.map((found) => found.id)).toEqual([id]);
    expect(await imageStatus(client, 'registry.k8s.io/none:1')).toBeNull();
  });

  it('K12: that cannot be pulled with the wrong credentials are left as they are, and another try is free', async () => {
    using client = images();
    const before = await client.call<{ images: Image[] }>('ListImages', {});
    for (let n = 0; n < 5; n++) {
      const auth = { username: `user${n}`, password: 'wrong', serverAddress: 'registry.k8s.io' };
      const refused = client.call('PullImage', { image: { image: 'registry.k8s.io/davit-e2e/none:1' }, auth });
      await expect(refused).rejects.toMatchObject({ code: 5 });
    }
    expect(await client.call('ListImages', {})).toEqual(before);
  });

  it('K31: are told by the name that a container asked for, whatever other names they have', async () => {
    using client = images();
    for (const tag of TAGS) await pull(client, tag);
    await using pod = await Pod.run('names');
    for (const tag of TAGS) {
      const id = await pod.create(`c${tag.at(-1)}`, { image: { image: tag } });
      const { status } = await crictlJson<{ status: { image: { image: string } } }>('inspect', id);
      expect(status.image.image).toBe(tag);
    }
  });

  it('K27: are pulled by many at once', async () => {
    using client = images();
    const names = await Promise.all(
      Array.from({ length: 8 }, (_, n) => makeImage(`at-once-${n}`, { entries: [text('which', `${n}\n`)] })),
    );
    for (const image of names) await client.call('RemoveImage', { image: { image } });
    const ids = await Promise.all([...names, ...names, ...names].map((name) => pull(client, name)));
    expect(new Set(ids).size).toBe(names.length);
    for (const [n, name] of names.entries()) expect((await imageStatus(client, name))?.id).toBe(ids[n]);
  });

  it('K21: take space on a file system that is there', async () => {
    using client = images();
    const { imageFilesystems, containerFilesystems } = await client.call<{
      imageFilesystems: { fsId: { mountpoint: string }; usedBytes: { value: string }; timestamp: string }[];
      containerFilesystems: { fsId: { mountpoint: string } }[];
    }>('ImageFsInfo', {});
    const [first] = imageFilesystems;
    expect((await stat(first?.fsId.mountpoint ?? '')).isDirectory()).toBe(true);
    expect(Number(first?.usedBytes.value)).toBeGreaterThan(0);
    expect(Number(first?.timestamp)).toBeGreaterThan(1.7e18);
    // One mount point for both: "not split".
    expect(containerFilesystems[0]?.fsId.mountpoint).toBe(first?.fsId.mountpoint);
  });
});
