import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { pushArtifact } from './support/images.ts';
import {
  BUSYBOX,
  Pod,
  crictl,
  crictlJson,
  ctr,
  eventually,
  exited,
  mustCrictl,
  restartDavitd,
} from './support/node.ts';

interface ListedImage {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly size: string;
}

interface MountStatus {
  readonly image: { readonly image: string; readonly imageRef: string };
  readonly imageSubPath: string;
}

const MIB = 1024 ** 2;
const LONG = `${'d'.repeat(150)}/${'f'.repeat(150)}.txt`;
const MAP = { host_id: 131_072, container_id: 0, length: 65_536 };

let userNamespaces: boolean;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  const info = await crictlJson<{ runtimeHandlers: { features: { user_namespaces?: boolean } }[] }>('info');
  userNamespaces = info.runtimeHandlers[0]?.features.user_namespaces === true;
});

async function listed(digest: string): Promise<ListedImage | undefined> {
  const { images } = await crictlJson<{ images: readonly ListedImage[] }>('images', '-o', 'json');
  return images.find(({ id }) => id === digest);
}

function mountOf(image: string, more: object = {}): object {
  return { container_path: '/vol', image: { image }, readonly: true, ...more };
}

async function lines(pod: Pod, name: string, script: string, options: object): Promise<readonly string[]> {
  await exited(await pod.start(name, { command: ['sh', '-c', `exec 2>&1; ${script}`], ...options }));
  return (await pod.log(name)).map(({ text }) => text);
}

/** The snapshots after a collection of containerd's, which the removal of an image begins. */
async function collected(): Promise<string> {
  const { reference } = await pushArtifact('artifact-other', { parts: [{ title: 'x', content: randomBytes(8) }] });
  await mustCrictl('pull', reference);
  await mustCrictl('rmi', reference);
  return await ctr('-n', 'davit', 'snapshots', 'ls');
}

describe('an OCI artifact, by crictl', () => {
  it('is pulled, listed and removed like an image, under its manifest’s digest, and leaves nothing', async () => {
    const before = await ctr('-n', 'davit', 'content', 'ls', '-q');
    const content = randomBytes(3 * MIB);
    const { reference, digest } = await pushArtifact('artifact-life', { parts: [{ title: 'model.bin', content }] });
    const pulled = await mustCrictl('pull', reference);
    expect(pulled).toContain(digest);
    const found = await listed(digest);
    expect(found).toMatchObject({ id: digest, repoTags: [reference] });
    expect(found?.repoDigests).toEqual([`${reference.replace(/:latest$/, '')}@${digest}`]);
    expect(Number(found?.size)).toBeGreaterThan(3 * MIB);
    const status = await crictlJson<{ info: { artifact: { type: string; files: { path: string }[] } } }>(
      'inspecti',
      reference,
    );
    expect(status.info.artifact).toMatchObject({
      type: 'application/vnd.davit.test',
      files: [{ path: 'model.bin', size: 3 * MIB }],
    });
    await mustCrictl('rmi', digest);
    expect(await listed(digest)).toBeUndefined();
    expect(await ctr('-n', 'davit', 'snapshots', 'ls')).not.toContain(digest);
    expect((await ctr('-n', 'davit', 'content', 'ls', '-q')).split('\n').sort()).toEqual(before.split('\n').sort());
  });

  it('cannot be run, and the error says what it is', async () => {
    const { reference } = await pushArtifact('artifact-run', { parts: [{ title: 'a', content: 'a' }] });
    await mustCrictl('pull', reference);
    await using pod = await Pod.run('artifact-run');
    const refused = await pod.create('main', { image: { image: reference } }).catch(String);
    expect(refused).toMatch(/is an artifact \(application\/vnd\.davit\.test\): its files can be mounted, but not run/);
    await mustCrictl('rmi', reference);
  });

  it.each([
    ['../x', 'leads out of its folder'],
    ['a/../../etc/passwd', 'leads out of its folder'],
    ['/etc/passwd', 'is an absolute path'],
    ['.wh.etc', 'begins with .wh.'],
    ['a\nb', 'holds what no path should'],
  ])('is refused with the title %j', async (title, problem) => {
    const parts = [
      { title: 'good', content: 'good' },
      { title, content: 'bad' },
    ];
    const { reference, digest } = await pushArtifact('artifact-hostile', { parts });
    const { code, stderr } = await crictl('pull', reference);
    expect(code).not.toBe(0);
    expect(stderr).toContain('layers[1] cannot be a file');
    expect(stderr).toContain(problem);
    expect(await listed(digest)).toBeUndefined();
  });

  it('is refused when a file would be in another’s place', async () => {
    const parts = [
      { title: 'a', content: 'file' },
      { title: 'a/b', content: 'below' },
    ];
    const { reference } = await pushArtifact('artifact-places', { parts });
    expect((await crictl('pull', reference)).stderr).toContain('a file \\"a\\" and other files below it');
  });
});

describe('an OCI artifact as a volume', () => {
  it('is a folder of its files, read-only; or a part of it; status has its digest', async () => {
    const parts = [
      { title: 'one.txt', content: 'first\n' },
      { title: 'sub/dir/two.txt', content: 'second\n' },
      { title: LONG, content: 'long\n' },
      { title: 'empty', content: '' },
      { title: 'größe', content: 'utf8\n' },
      { content: 'untitled\n' },
    ];
    const { reference, digest } = await pushArtifact('artifact-volume', { parts });
    await mustCrictl('pull', reference);
    await using pod = await Pod.run('artifact-volume');
    const mounts = [
      mountOf(reference),
      mountOf(reference, { container_path: '/part', image_sub_path: 'sub' }),
      mountOf(digest, { container_path: '/one', image_sub_path: 'sub/dir/two.txt' }),
    ];
    const script = `cat /vol/one.txt /vol/sub/dir/two.txt /vol/${LONG} /vol/empty /vol/größe /vol/sha256-*
      ls /part/dir; cat /one; stat -c '%a %u %g' /vol /vol/one.txt /vol/sub; ls /vol | wc -l
      touch /vol/x; ln -s /etc/passwd /vol/link; grep -c ' /vol .*\\bro\\b.*' /proc/mounts`;
    const printed = await lines(pod, 'main', script, { mounts });
    expect(printed.slice(0, 6)).toEqual(['first', 'second', 'long', 'utf8', 'untitled', 'two.txt']);
    expect(printed.slice(6, 11)).toEqual(['second', '755 0 0', '644 0 0', '755 0 0', '6']);
    expect(printed.slice(11).join(' ')).toMatch(/x: Read-only file system .*link: Read-only file system 1$/);
    const { containers } = await crictlJson<{ containers: { id: string }[] }>(
      'ps',
      '-a',
      '-o',
      'json',
      '--pod',
      pod.id,
    );
    const { status } = await crictlJson<{ status: { mounts: MountStatus[] } }>('inspect', containers[0]?.id ?? '');
    expect(status.mounts.map(({ image, imageSubPath }) => [image.imageRef.split('@')[1], imageSubPath])).toEqual([
      [digest, ''],
      [digest, 'sub'],
      [digest, 'sub/dir/two.txt'],
    ]);
    const missing = await pod.create('no', { mounts: [mountOf(reference, { image_sub_path: 'no' })] }).catch(String);
    expect(missing).toMatch(/ImageVolumeMountFailed: .*find no in the image/);
    await mustCrictl('rmi', reference);
  });

  it('is an empty folder where it has no files', async () => {
    const { reference } = await pushArtifact('artifact-empty', { parts: [] });
    await mustCrictl('pull', reference);
    await using pod = await Pod.run('artifact-empty');
    expect(await lines(pod, 'main', 'ls -A /vol | wc -l', { mounts: [mountOf(reference)] })).toEqual(['0']);
    await mustCrictl('rmi', reference);
  });

  it('stays for who has it mounted, whatever becomes of davitd and of the artifact, and then goes', async () => {
    const { reference, digest } = await pushArtifact('artifact-stays', { parts: [{ title: 'f', content: 'here\n' }] });
    await mustCrictl('pull', reference);
    await using pod = await Pod.run('artifact-stays');
    expect(await collected()).toContain(digest);
    const command = ['sh', '-c', 'while sleep 0.1; do cat /vol/f; done'];
    const id = await pod.start('main', { command, mounts: [mountOf(reference)] });
    await restartDavitd({ kill: true });
    expect(await listed(digest)).toMatchObject({ id: digest, repoTags: [reference] });
    expect(await lines(pod, 'second', 'cat /vol/f', { mounts: [mountOf(reference)] })).toEqual(['here']);
    await mustCrictl('rmi', reference);
    expect(await listed(digest)).toBeUndefined();
    const count = (await pod.log('main')).length;
    await eventually('output after the removal', async () =>
      (await pod.log('main')).length > count + 3 ? true : undefined,
    );
    expect((await pod.log('main')).at(-1)?.text).toBe('here');
    const gone = await pod.create('third', { mounts: [mountOf(reference)] }).catch(String);
    expect(gone).toMatch(/ImageVolumeMountFailed: .*not on this node/);
    const containers = await mustCrictl('ps', '-a', '-q', '--pod', pod.id);
    await mustCrictl('rm', '-f', ...containers.split('\n'));
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(id);
    expect(await collected()).not.toContain(digest);
  });

  it('has the ids of its pod where that has a user namespace, or is refused by name with the pod', async () => {
    const { reference } = await pushArtifact('artifact-userns', { parts: [{ title: 'f', content: 'shifted\n' }] });
    await mustCrictl('pull', reference);
    const userns_options = { mode: 0, uids: [MAP], gids: [MAP] };
    const run = async (): Promise<readonly string[]> => {
      await using pod = await Pod.run('artifact-userns', {
        linux: { security_context: { namespace_options: { pid: 1, userns_options } } },
      });
      return await lines(pod, 'main', 'cat /vol/f; stat -c %u /vol/f', { mounts: [mountOf(reference)] });
    };
    const ran = await run().catch(String);
    expect(String(ran)).toMatch(userNamespaces ? /^shifted,0$/ : /cannot give user namespaces/);
    await mustCrictl('rmi', reference);
  });
});
