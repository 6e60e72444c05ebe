import { readdir } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './support/free-port.ts';
import { left, networkTracesOf, tracesOf } from './support/kernel.ts';
import { BUSYBOX, Pod, crictl, crictlJson, exited, mustCrictl } from './support/node.ts';
import { nodeFootprint } from './support/own-footprint.ts';

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  // The bridge, the pump and parent cgroups stay once they are there: they are not a pod's.
  await using pod = await Pod.run('warm-up');
  await pod.start('main');
});

/** The node's ends of a pod's links. */
async function linksOf(pod: string): Promise<readonly string[]> {
  interface Inspected {
    readonly info: { readonly cniResult: { readonly interfaces: readonly { name: string; sandbox?: string }[] } };
  }
  const { info } = await crictlJson<Inspected>('inspectp', pod);
  const onNode = info.cniResult.interfaces.filter(
    ({ name, sandbox = '' }) => name.startsWith('veth') && sandbox === '',
  );
  return onNode.map(({ name }) => name);
}

/** What is there of one pod and its containers, and of the node's pods that was not there before. */
async function found(before: readonly string[], [pod = '', ...containers]: readonly string[]) {
  const parts = await Promise.all([nodeFootprint(), tracesOf([pod, ...containers]), networkTracesOf([pod])]);
  return [...left(before, parts[0]), ...parts[1], ...parts[2]];
}

function kindsOf(lines: readonly string[]): readonly string[] {
  return [...new Set(lines.map((line) => line.split(' ')[0] ?? ''))];
}

describe('after the removal of a pod', () => {
  it('nothing of it is left in the kernel, on disk or in containerd', async () => {
    const before = await nodeFootprint();
    const ids: string[] = [];
    let links: readonly string[];
    {
      await using pod = await Pod.run('whole', {
        port_mappings: [{ protocol: 0, container_port: 80, host_port: await freePort() }],
        linux: { security_context: { namespace_options: { pid: 0 } } },
      });
      ids.push(pod.id);
      ids.push(await pod.start('runs', { linux: { security_context: { namespace_options: { pid: 0 } } } }));
      const ended = await pod.start('ended', { command: ['true'] });
      await exited(ended);
      ids.push(ended, await pod.create('created'));
      links = await linksOf(pod.id);
      expect(links).toHaveLength(1);
      const kinds = ['mount', 'file', 'cgroup', 'process', 'shim', 'address', 'rule', 'container', 'task', 'snapshot'];
      expect(kindsOf(await found(before, ids))).toEqual(expect.arrayContaining(kinds));
    }
    expect(await found(before, ids)).toEqual([]);
    expect(left(await readdir('/sys/class/net'), links)).toEqual(links);
  });

  it('nothing is left of what failed to start either', async () => {
    const before = await nodeFootprint();
    const ids: string[] = [];
    {
      await using pod = await Pod.run('failed');
      const id = await pod.create('main', { command: ['/no/such/program'] });
      ids.push(pod.id, id);
      expect((await crictl('start', id)).code).not.toBe(0);
    }
    expect(await found(before, ids)).toEqual([]);
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
