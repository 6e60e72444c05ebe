import { beforeAll, describe, expect, it } from 'vitest';
import { footprint, left } from './support/kernel.ts';
import { BUSYBOX, Pod, crictl, exited, mustCrictl } from './support/node.ts';

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  // The bridge, the pump and parent cgroups stay once they are there: they are not a pod's.
  await using pod = await Pod.run('warm-up');
  await pod.start('main');
});

describe('after the removal of a pod', () => {
  it('nothing of it is left in the kernel or in containerd', async () => {
    const before = await footprint();
    {
      await using pod = await Pod.run('whole', {
        port_mappings: [{ protocol: 0, container_port: 80, host_port: 18_480 }],
        linux: { security_context: { namespace_options: { pid: 0 } } },
      });
      await pod.start('runs', { linux: { security_context: { namespace_options: { pid: 0 } } } });
      await exited(await pod.start('ended', { command: ['true'] }));
      await pod.create('created');
      expect(left(before, await footprint()).length).toBeGreaterThan(5);
    }
    expect(left(before, await footprint())).toEqual([]);
  });

  it('nothing is left of what failed to start either', async () => {
    const before = await footprint();
    {
      await using pod = await Pod.run('failed');
      const id = await pod.create('main', { command: ['/no/such/program'] });
      expect((await crictl('start', id)).code).not.toBe(0);
    }
    expect(left(before, await footprint())).toEqual([]);
  });

  it('a second stop or removal of pod and container succeeds', async () => {
    const pod = await Pod.run('twice');
    const id = await pod.start('main');
    await mustCrictl('stop', '--timeout', '0', id);
    await mustCrictl('stop', '--timeout', '0', id);
    await mustCrictl('stopp', pod.id);
    await mustCrictl('stopp', pod.id);
    await pod[Symbol.asyncDispose]();
    expect((await crictl('inspectp', pod.id)).stderr).toContain('code = NotFound');
  });
});
