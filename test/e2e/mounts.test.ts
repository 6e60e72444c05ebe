import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { output, shMerged } from './support/containers.ts';
import { connectCri } from './support/cri-client.ts';
import { BUSYBOX, Pod, crictlJson, ctr, eventually, exited, mustCrictl, restartDavitd } from './support/node.ts';
import type { ContainerOptions } from './support/node.ts';
import { must } from './support/run.ts';

/** Declares volumes; two layers. */
const VOLUMES = 'registry.k8s.io/davit/volumes:latest';
const LAYERS = 'registry.k8s.io/davit/layers:latest';

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  await mustCrictl('pull', VOLUMES);
});

/** What a script prints in a container of its own. */
async function said(pod: Pod, name: string, script: string, options: ContainerOptions = {}): Promise<string> {
  return (await output(pod, name, { ...shMerged(script), ...options })).join('\n');
}

describe('mounts of a container, by crictl', () => {
  it('are read-only with all below them, or themselves alone', async () => {
    await using pod = await Pod.run('rro');
    const dir = join(pod.dir, 'volume');
    await mkdir(join(dir, 'below'), { recursive: true });
    await must('mount', ['-t', 'tmpfs', 'below', join(dir, 'below')]);
    try {
      const script = 'touch /vol/x && echo top; touch /vol/below/x && echo below; true';
      const mount = { container_path: '/vol', host_path: dir, readonly: true };
      expect(await said(pod, 'ro', script, { mounts: [mount] })).toMatch(/^(?!.*top)[^]*below$/m);
      const all = await said(pod, 'rro', script, { mounts: [{ ...mount, recursive_read_only: true }] });
      expect(all.split('\n').filter((line) => !line.includes('Read-only'))).toEqual([]);
    } finally {
      await must('umount', [join(dir, 'below')]);
    }
  });

  it('have the further options that were asked for, and status shows them; none loosens a mount', async () => {
    await using pod = await Pod.run('options');
    using cri = connectCri(); // crictl's own definition of the interface is older than this field
    const create = async (mountOptions: readonly string[]): Promise<string> => {
      const { containerId } = await cri.call<{ containerId: string }>('CreateContainer', {
        podSandboxId: pod.id,
        config: {
          metadata: { name: 'main' },
          image: { image: BUSYBOX },
          command: ['sh', '-c', 'grep " /vol " /proc/mounts'],
          logPath: 'main.log',
          mounts: [{ containerPath: '/vol', hostPath: pod.dir, mountOptions }],
        },
      });
      return containerId;
    };
    const containerId = await create(['noexec', 'nosuid', 'nodev']);
    const { status } = await cri.call<{ status: { mounts: object[] } }>('ContainerStatus', { containerId });
    expect(status.mounts).toMatchObject([{ mountOptions: ['noexec', 'nosuid', 'nodev'] }]);
    await cri.startContainer(containerId);
    await cri.exited(containerId);
    expect((await pod.log('main'))[0]?.text).toMatch(/ rw,nosuid,nodev,noexec,/);
    await expect(create(['suid'])).rejects.toThrow('config.mounts[0].mount_options[0]');
  });
});

describe('volumes that an image declares', () => {
  it('begin as what the image has there, are written to, and end with the container', async () => {
    await using pod = await Pod.run('declared');
    const script =
      'stat -c "%a %u" /data /data/sub/file; cat /data/sub/file; readlink /data/link; echo x > /data/sub/file';
    const id = await pod.start('main', {
      image: { image: VOLUMES },
      command: ['sh', '-c', `${script}; grep -c " /new/place " /proc/mounts`],
    });
    expect(await exited(id)).toMatchObject({ exitCode: 0 });
    const lines = (await pod.log('main')).map((line) => line.text);
    expect(lines).toEqual(['1770 0', '640 0', 'from the image', '/etc/passwd', '1']);
    const { info } = await crictlJson<{ info: { runtimeSpec: { mounts: { destination: string; source: string }[] } } }>(
      'inspect',
      id,
    );
    const source = info.runtimeSpec.mounts.find((mount) => mount.destination === '/data')?.source ?? '';
    expect(await readFile(join(source, 'sub/file'), 'utf8')).toBe('x\n');
    await mustCrictl('rm', id);
    await expect(stat(source)).rejects.toThrow('ENOENT');
  });

  it('CVE-2022-23648: never show a file of the node, whatever path the image names', async () => {
    await using pod = await Pod.run('hostile');
    const lines = await said(pod, 'main', 'ls /srv /linked; cat /srv/inside', { image: { image: VOLUMES } });
    expect(lines.split('\n')).toEqual(['/linked:', 'inside', '', '/srv:', 'inside', "the image's own"]);
  });

  it('give way to a mount of the request', async () => {
    await using pod = await Pod.run('wins');
    const mounts = [{ container_path: '/data/', host_path: pod.dir }];
    expect(await said(pod, 'main', 'ls /data', { image: { image: VOLUMES }, mounts })).toContain('pod.json');
  });
});

const mountOf = (more: object = {}): object => ({
  container_path: '/vol',
  image: { image: VOLUMES },
  readonly: true,
  ...more,
});

describe('images as volumes', () => {
  it('are mounted read-only, shown by status, and gone with their container', async () => {
    await using pod = await Pod.run('image-volume');
    const id = await pod.start('main', {
      command: ['sh', '-c', 'exec 2>&1; cat /vol/data/sub/file; touch /vol/x; ls /vol/new'],
      mounts: [mountOf()],
    });
    await exited(id);
    const lines = (await pod.log('main')).map((line) => line.text);
    expect(lines[0]).toBe('from the image');
    expect(lines[1]).toContain('Read-only file system');
    const { status } = await crictlJson<{ status: { mounts: { image: { image: string; imageRef?: string } }[] } }>(
      'inspect',
      id,
    );
    expect(status.mounts[0]?.image.image).toBe(VOLUMES);
    await mustCrictl('rm', id);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(id);
    expect(await ctr('-n', 'davit', 'snapshots', 'ls')).not.toContain(id);
  });

  it('may be a part of an image, a folder or a file, from which no link leads out', async () => {
    await using pod = await Pod.run('sub-path');
    const mounts = [
      mountOf({ image_sub_path: 'data/sub' }),
      mountOf({ container_path: '/one', image_sub_path: 'data/sub/file' }),
      mountOf({ container_path: '/out', image_sub_path: 'out' }),
    ];
    const lines = await said(pod, 'main', 'ls /vol; cat /one; ls /out/hosts; grep -c . /out/passwd', { mounts });
    expect(lines.split('\n')).toEqual(['file', 'from the image', expect.stringContaining('No such file'), '4']);
  });

  it('K13: fail with the reason that the kubelet looks for', async () => {
    await using pod = await Pod.run('image-fails');
    const fails = async (mount: object): Promise<string> => await pod.create('main', { mounts: [mount] }).catch(String);
    expect(await fails(mountOf({ image_sub_path: 'no/such' }))).toMatch(
      /code = Unknown desc = ImageVolumeMountFailed: .*no\/such/,
    );
    expect(await fails(mountOf({ image: { image: 'registry.k8s.io/none:1' } }))).toContain(
      'desc = ImageVolumeMountFailed',
    );
    expect(await fails(mountOf({ image_sub_path: '../etc' }))).toContain('config.mounts[0].image_sub_path');
    expect(await ctr('-n', 'davit', 'snapshots', 'ls')).not.toContain('-image-');
  });

  it('of many layers are mounted too, and survive davitd', async () => {
    await using pod = await Pod.run('layers');
    await mustCrictl('pull', LAYERS);
    const id = await pod.start('main', {
      command: ['sh', '-c', 'cat /vol/layer-0 /vol/layer-119; sleep 1000'],
      mounts: [mountOf({ image: { image: LAYERS } })],
    });
    await eventually('output', async () => ((await pod.log('main')).length === 2 ? true : undefined));
    await restartDavitd({ kill: true });
    await mustCrictl('rm', '-f', id);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(id);
  });
});

describe('status of the node', () => {
  it('tells what its handlers can mount', async () => {
    const info = await crictlJson<{ runtimeHandlers: object[]; features: object }>('info');
    expect(info.runtimeHandlers[0]).toMatchObject({ features: { recursive_read_only_mounts: true } });
  });
});
