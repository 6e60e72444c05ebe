import { describe, expect, it } from 'vitest';
import { ImageFiles } from './image-files.ts';
import type { RootFiles } from './rootfs-reader.ts';

const signal = new AbortController().signal;
const root = { chainId: 'sha256:a', snapshotter: 'overlayfs', mounts: [] };

describe('ImageFiles', () => {
  it('reads the files of an image once', async () => {
    const { files, reads } = counting(() => Buffer.from('root:x:0:0'));
    const first = await files.read(root, ['/etc/passwd'], signal);
    expect(first.get('/etc/passwd')?.toString()).toBe('root:x:0:0');
    expect(await files.read({ ...root, mounts: [] }, ['/etc/passwd'], signal)).toBe(first);
    expect(reads).toHaveLength(1);
  });

  it('reads anew for another image, another snapshotter and other files', async () => {
    const { files, reads } = counting(() => undefined);
    await files.read(root, ['/etc/passwd'], signal);
    await files.read({ ...root, chainId: 'sha256:b' }, ['/etc/passwd'], signal);
    await files.read({ ...root, snapshotter: 'native' }, ['/etc/passwd'], signal);
    await files.read(root, ['/etc/passwd', '/etc/group'], signal);
    await files.read(root, [], signal);
    expect(reads).toHaveLength(5);
  });

  it('remembers no failure and nothing large', async () => {
    const contents = [new Error('the disk is away'), Buffer.alloc(64 * 1024 + 1), Buffer.alloc(64 * 1024)];
    const { files, reads } = counting(() => contents[reads.length - 1]);
    await expect(files.read(root, ['/etc/passwd'], signal)).rejects.toThrow('the disk is away');
    for (let time = 0; time < 4; time += 1) await files.read(root, ['/etc/passwd'], signal);
    expect(reads).toHaveLength(3);
  });

  it('forgets the image that was asked for longest ago, after 256', async () => {
    const { files, reads } = counting(() => undefined);
    for (let image = 0; image < 256; image += 1) await files.read({ ...root, chainId: `${image}` }, [], signal);
    await files.read({ ...root, chainId: '0' }, [], signal);
    await files.read({ ...root, chainId: '256' }, [], signal);
    expect(reads).toHaveLength(257);
    await files.read({ ...root, chainId: '0' }, [], signal);
    expect(reads).toHaveLength(257);
    await files.read({ ...root, chainId: '1' }, [], signal);
    expect(reads).toHaveLength(258);
  });
});

function counting(content: () => Buffer | Error | undefined): { files: ImageFiles; reads: (readonly string[])[] } {
  const reads: (readonly string[])[] = [];
  const readFiles = async (_mounts: unknown, paths: readonly string[]): Promise<RootFiles> => {
    reads.push(paths);
    const value = content();
    if (value instanceof Error) throw value;
    return new Map(paths.map((path) => [path, value]));
  };
  return { files: new ImageFiles({ readFiles }), reads };
}
