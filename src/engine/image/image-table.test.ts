import { describe, expect, it } from 'vitest';
import { ImageTable } from './image-table.ts';
import { pinnedBy } from './pinned.ts';
import type { StoredImage } from './stored-image.ts';

function stored(digit: string, target = digit): StoredImage {
  const descriptor = { mediaType: 'm', digest: digest(`f${target}`), size: 1 };
  return {
    id: digest(digit),
    target: descriptor,
    path: [{ descriptor, children: {} }],
    config: { mediaType: 'c', digest: digest(digit), size: 1 },
    layers: [],
    diffIds: [],
    chainIds: [digest(`c${digit}`)],
    holder: digest(digit),
    imageConfig: {
      entrypoint: [],
      cmd: [],
      env: [],
      workingDir: '',
      user: 'web:1',
      stopSignal: '',
      volumes: [],
      labels: {},
    },
    sizeBytes: 7,
  };
}

function digest(text: string): string {
  return `sha256:${text.padEnd(64, '0')}`;
}

const BUSYBOX = 'docker.io/library/busybox:latest';

describe('ImageTable', () => {
  it('groups names by id and shows only references', () => {
    const table = new ImageTable(() => false);
    const one = stored('a1');
    for (const name of [BUSYBOX, `docker.io/library/busybox@${one.target.digest}`, one.id, 'somebodys own']) {
      table.set(name, one);
    }
    expect(table.list()).toMatchObject([
      {
        id: one.id,
        repoTags: [BUSYBOX],
        repoDigests: [`docker.io/library/busybox@${one.target.digest}`],
        sizeBytes: 7,
        user: { username: 'web' },
      },
    ]);
    expect(Object.isFrozen(table.list()[0])).toBe(true);
    for (const text of ['busybox', BUSYBOX, one.id, one.target.digest, 'a1', 'sha256:a1', 'somebodys own']) {
      expect(table.get(text)?.id).toBe(one.id);
    }
  });

  it('refuses the start of several ids, and prefers a name to one', () => {
    const table = new ImageTable(() => false);
    const [one, two] = [stored('ab1'), stored('ab2')];
    table.set(one.id, one);
    table.set(two.id, two);
    expect(() => table.get('ab')).toThrow('the start of 2 image ids');
    expect(table.get('ab2')?.id).toBe(two.id);
    expect(table.get('abc')).toBeUndefined();
    table.set('docker.io/library/ab:latest', two);
    expect(table.get('ab')?.id).toBe(two.id);
  });

  it('never takes somebody’s own name for a reference that is there', () => {
    const table = new ImageTable(() => false);
    const [real, other] = [stored('a1'), stored('b1')];
    table.set('busybox', other);
    expect(table.get('busybox')?.id).toBe(other.id);
    table.set(BUSYBOX, real);
    expect(table.get('busybox')?.id).toBe(real.id);
  });

  it('moves a name, and drops an image with its last one', () => {
    const table = new ImageTable(() => false);
    const [one, two] = [stored('a1'), stored('b1')];
    table.set(BUSYBOX, one);
    table.set(BUSYBOX, two);
    expect(table.list().map(({ id }) => id)).toEqual([two.id]);
    table.delete(BUSYBOX);
    expect(table.list()).toEqual([]);
    table.delete(BUSYBOX);
  });

  it('keeps the object of an image that has not changed', () => {
    const table = new ImageTable(() => false);
    const [one, two] = [stored('a1'), stored('b1')];
    table.set(BUSYBOX, one);
    const before = table.get(BUSYBOX);
    table.replaceAll(
      new Map([
        [BUSYBOX, stored('a1')],
        ['docker.io/library/two:1', two],
      ]),
    );
    expect(table.get(BUSYBOX)).toBe(before);
    table.replaceAll(
      new Map([
        [BUSYBOX, one],
        ['docker.io/library/busybox:2', one],
      ]),
    );
    expect(table.get(BUSYBOX)).not.toBe(before);
    expect(table.get(two.id)).toBeUndefined();
  });
});

describe('pinnedBy()', () => {
  it('matches names as people write them, and patterns', () => {
    const isPinned = pinnedBy(['busybox', 'registry.k8s.io/pause:*', '*/infra/*']);
    expect(isPinned([BUSYBOX])).toBe(true);
    expect(isPinned(['docker.io/library/busybox:1'])).toBe(false);
    expect(isPinned(['a.example/b:1', 'registry.k8s.io/pause:3.10'])).toBe(true);
    expect(isPinned(['registryXk8s.io/pause:3.10'])).toBe(false);
    expect(isPinned(['a.example/infra/x/y:1'])).toBe(true);
    expect(isPinned([])).toBe(false);
    expect(pinnedBy([])([BUSYBOX])).toBe(false);
  });

  it('refuses what is no image', () => {
    expect(() => pinnedBy(['No Image'])).toThrow('images.pinned: "No Image"');
  });
});
