import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import { BUSYBOX, Pod, crictl, crictlJson, exited, mustCrictl } from './support/node.ts';
import { must } from './support/run.ts';

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

const MIB = 1024 * 1024;

/** A file of a container's cgroup in a v1 tree, or in a v2 one under its name there. */
async function cgroupFile(id: string, controller: string, v1: string, v2: string): Promise<string> {
  const found = await must('find', ['/sys/fs/cgroup', '-type', 'd', '-name', id]);
  const dirs = found.split('\n');
  const own = dirs.find((dir) => dir.startsWith(`/sys/fs/cgroup/${controller}/`));
  const text = await readFile(own === undefined ? `${dirs[0]}/${v2}` : `${own}/${v1}`, 'utf8');
  return text.trim();
}

interface Limits {
  readonly [field: string]: string;
}

async function shown(id: string): Promise<Limits> {
  const { status } = await crictlJson<{ status: { resources: { linux: Limits } } }>('inspect', id);
  return status.resources.linux;
}

describe('limits of a container, by crictl', () => {
  it('arrive in its cgroup', async () => {
    await using pod = await Pod.run('limits');
    const id = await pod.start('main', {
      linux: {
        resources: {
          cpu_period: 50_000,
          cpu_quota: 20_000,
          cpu_shares: 512,
          memory_limit_in_bytes: 64 * MIB,
          memory_swap_limit_in_bytes: 80 * MIB,
          oom_score_adj: 777,
          cpuset_cpus: '0',
          cpuset_mems: '0',
        },
      },
    });
    const { info } = await crictlJson<{ info: { pid: number } }>('inspect', id);
    expect(await cgroupFile(id, 'memory', 'memory.limit_in_bytes', 'memory.max')).toBe(String(64 * MIB));
    expect(await cgroupFile(id, 'cpuset', 'cpuset.cpus', 'cpuset.cpus')).toBe('0');
    expect(await cgroupFile(id, 'cpuset', 'cpuset.mems', 'cpuset.mems')).toBe('0');
    expect(await readFile(`/proc/${info.pid}/oom_score_adj`, 'utf8')).toBe('777\n');
    const swap = await cgroupFile(id, 'memory', 'memory.memsw.limit_in_bytes', 'memory.swap.max');
    expect([80 * MIB, 16 * MIB]).toContain(Number(swap));
    const cpu = [
      await cgroupFile(id, 'cpu', 'cpu.cfs_quota_us', 'cpu.max'),
      await cgroupFile(id, 'cpu', 'cpu.cfs_period_us', 'cpu.max'),
    ];
    expect(new Set(cpu.join(' ').split(' '))).toEqual(new Set(['20000', '50000']));
    expect(['512', '20']).toContain(await cgroupFile(id, 'cpu', 'cpu.shares', 'cpu.weight'));
  });

  it('that this node has no means for are refused by name', async () => {
    await using pod = await Pod.run('unified');
    const id = pod.create('main', { linux: { resources: { unified: { 'memory.high': '1000000' } } } });
    const v2 = (await must('stat', ['-fc', '%T', '/sys/fs/cgroup'])) === 'cgroup2fs';
    expect(v2 ? await id : await id.catch(String)).toMatch(v2 ? /^[0-9a-f]{64}$/ : /linux\.resources\.unified/);
  });

  it('K26: change while it runs, are seen at once, and those that are not named stay', async () => {
    await using pod = await Pod.run('update');
    const id = await pod.start('main', { linux: { resources: { cpu_shares: 512, memory_limit_in_bytes: 64 * MIB } } });
    await mustCrictl('update', '--cpu-quota', '30000', '--memory', String(96 * MIB), '--oom-score-adj', '500', id);
    expect(await shown(id)).toMatchObject({
      cpuQuota: '30000',
      cpuShares: '512',
      memoryLimitInBytes: String(96 * MIB),
      oomScoreAdj: '500',
    });
    expect(await cgroupFile(id, 'memory', 'memory.limit_in_bytes', 'memory.max')).toBe(String(96 * MIB));
    expect(await cgroupFile(id, 'cpu', 'cpu.cfs_quota_us', 'cpu.max')).toMatch(/^30000\b/);
    const { info } = await crictlJson<{ info: { pid: number } }>('inspect', id);
    expect(await readFile(`/proc/${info.pid}/oom_score_adj`, 'utf8')).toBe('500\n');
  });

  it('K26: stay as they were when the kernel refuses new ones', async () => {
    await using pod = await Pod.run('refused');
    const id = await pod.start('main', { linux: { resources: { memory_limit_in_bytes: 64 * MIB } } });
    const before = await shown(id);
    const refused = await crictl('update', '--cpu-share', '100', '--cpuset-cpus', '900', id);
    expect(refused.code).not.toBe(0);
    expect(await shown(id)).toEqual(before);
    expect(['1024', '100']).toContain(await cgroupFile(id, 'cpu', 'cpu.shares', 'cpu.weight'));
  });

  it('K26: of a created container hold from its start; an ended one is refused', async () => {
    await using pod = await Pod.run('created');
    const id = await pod.create('main', { command: ['sleep', '2'] });
    await mustCrictl('update', '--memory', String(32 * MIB), id);
    expect((await shown(id))['memoryLimitInBytes']).toBe(String(32 * MIB));
    await mustCrictl('start', id);
    expect(await cgroupFile(id, 'memory', 'memory.limit_in_bytes', 'memory.max')).toBe(String(32 * MIB));
    await exited(id);
    expect((await crictl('update', '--memory', String(64 * MIB), id)).stderr).toContain('exited');
  });
});

describe('limits of a pod', () => {
  it('K33: are kept and shown by verbose status', async () => {
    await using pod = await Pod.run('pod-limits', { linux: { overhead: { cpu_shares: 10 } } });
    using cri = connectCri();
    await cri.call('UpdatePodSandboxResources', { podSandboxId: pod.id, resources: { memoryLimitInBytes: MIB } });
    const { info } = await crictlJson<{ info: object }>('inspectp', pod.id);
    expect(info).toMatchObject({ overhead: { cpuShares: 10 }, resources: { memoryLimitBytes: MIB } });
  });
});
