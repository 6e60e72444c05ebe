import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import { BUSYBOX, Pod, crictlJson, exited, mustCrictl } from './support/node.ts';
import { must } from './support/run.ts';

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

/** Runs a script in a container of its own and gives what it printed. */
async function output(pod: Pod, name: string, script: string, options: object = {}): Promise<string> {
  await exited(await pod.start(name, { command: ['sh', '-c', script], ...options }));
  return (await pod.log(name)).map((line) => line.text).join('\n');
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
      expect(await output(pod, 'ro', script, { mounts: [mount] })).toMatch(/^(?!.*top)[^]*below$/m);
      const all = await output(pod, 'rro', script, { mounts: [{ ...mount, recursive_read_only: true }] });
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

describe('status of the node', () => {
  it('tells what its handlers can mount', async () => {
    const info = await crictlJson<{ runtimeHandlers: object[]; features: object }>('info');
    expect(info.runtimeHandlers[0]).toMatchObject({ features: { recursive_read_only_mounts: true } });
  });
});
