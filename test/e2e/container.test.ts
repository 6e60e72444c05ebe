import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sh } from './support/containers.ts';
import { BUSYBOX, Pod, containerStatus, crictl, crictlJson, exited, mustCrictl } from './support/node.ts';

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

describe('a container, by crictl', () => {
  it('runs, is listed and inspected, and tells its image by the name that was asked for', async () => {
    await using pod = await Pod.run('run-one');
    const id = await pod.start('main', { labels: { color: 'green' } });
    const { containers } = await crictlJson<{ containers: { id: string; labels: object; state: string }[] }>(
      'ps',
      '-o',
      'json',
      '--label',
      'color=green',
    );
    expect(containers).toMatchObject([{ id, state: 'CONTAINER_RUNNING', labels: { color: 'green' } }]);
    const inspected = await crictlJson<{ status: { image: { image: string } }; info: { pid: number } }>('inspect', id);
    expect(inspected.status.image.image).toBe(BUSYBOX);
    expect(await readFile(`/proc/${inspected.info.pid}/cmdline`, 'utf8')).toBe('sleep\x001000\x00');
  });

  it('is found by a prefix of its id', async () => {
    await using pod = await Pod.run('by-prefix');
    const id = await pod.start('main');
    expect((await containerStatus(id.slice(0, 20))).state).toBe('CONTAINER_RUNNING');
  });

  it.each([
    [0, 'Completed'],
    [42, 'Error'],
  ])('reports exit code %i with reason %s', async (code, reason) => {
    await using pod = await Pod.run(`exit-${code}`);
    const status = await exited(await pod.start('main', sh(`exit ${code}`)));
    expect(status).toMatchObject({ exitCode: code, reason });
    expect(Date.parse(status.finishedAt)).toBeGreaterThanOrEqual(Date.parse(status.startedAt));
  });

  it('is OOMKilled when its memory limit kills it', async () => {
    await using pod = await Pod.run('oom');
    const id = await pod.start('main', {
      ...sh('exec dd if=/dev/zero of=/dev/null bs=200M count=10'),
      linux: { resources: { memory_limit_in_bytes: 20 * 1024 * 1024, memory_swap_limit_in_bytes: 20 * 1024 * 1024 } },
    });
    expect(await exited(id)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  });

  it('that cannot be started is EXITED with reason StartError and says why', async () => {
    await using pod = await Pod.run('start-error');
    const id = await pod.create('main', { command: ['/no/such/program'] });
    const started = await crictl('start', id);
    expect(started.code).not.toBe(0);
    expect(started.stderr).toContain('/no/such/program');
    const status = await containerStatus(id);
    expect(status).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 128, reason: 'StartError' });
    expect(status.message).toContain('/no/such/program');
  });

  it('stops by its stop signal within the grace period, and by SIGKILL after it', async () => {
    await using pod = await Pod.run('grace');
    const gentle = await pod.start('gentle', sh("trap 'exit 7' TERM; while :; do sleep 0.1; done"));
    const stubborn = await pod.start('stubborn', sh("trap '' TERM; while :; do sleep 0.1; done"));
    await mustCrictl('stop', '--timeout', '20', gentle);
    await mustCrictl('stop', '--timeout', '1', stubborn);
    expect(await containerStatus(gentle)).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 7 });
    expect(await containerStatus(stubborn)).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 137 });
  });

  it('runs as the user, in the folder, with the environment and the mounts that were asked for', async () => {
    await using pod = await Pod.run('identity');
    const file = join(pod.dir, 'given.txt');
    await writeFile(file, 'from the node');
    await exited(
      await pod.start('main', {
        ...sh('id -u; id -g; pwd; echo $COLOR; cat /given.txt; echo x > /given.txt || echo read-only'),
        working_dir: '/tmp',
        envs: [{ key: 'COLOR', value: 'green' }],
        mounts: [{ container_path: '/given.txt', host_path: file, readonly: true }],
        linux: { security_context: { run_as_user: { value: 1001 }, run_as_group: { value: 1002 } } },
      }),
    );
    const out = (await pod.log('main')).filter((line) => line.stream === 'stdout').map((line) => line.text);
    expect(out).toEqual(['1001', '1002', '/tmp', 'green', 'from the noderead-only']);
    expect(await readFile(file, 'utf8')).toBe('from the node');
  });

  it('refuses a mount whose source is missing, naming field and path', async () => {
    await using pod = await Pod.run('missing-mount');
    await expect(
      pod.create('main', { mounts: [{ container_path: '/x', host_path: '/no/such/folder' }] }),
    ).rejects.toThrow(/mounts\[0\]\.host_path.*\/no\/such\/folder/);
    expect((await mustCrictl('ps', '-aq', '--pod', pod.id)).trim()).toBe('');
  });

  it('gets its cpu and memory limits', async () => {
    await using pod = await Pod.run('limits');
    await exited(
      await pod.start('main', {
        ...sh(
          'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu/cpu.cfs_quota_us',
        ),
        linux: {
          resources: { memory_limit_in_bytes: 67_108_864, cpu_shares: 512, cpu_quota: 20_000, cpu_period: 100_000 },
        },
      }),
    );
    expect((await pod.log('main')).map((line) => line.text)).toEqual(['67108864', '512', '20000']);
  });
});

describe("a container's log", () => {
  it('has every line with time, stream and tag, and is there when the start returns', async () => {
    await using pod = await Pod.run('logs');
    const id = await pod.start('main', sh("sleep 0.2; echo out; echo err >&2; printf 'no newline'"));
    expect((await stat(join(pod.dir, 'logs', 'main.log'))).isFile()).toBe(true);
    await exited(id);
    const lines = await pod.log('main');
    expect(lines.map(({ stream, tag, text }) => `${stream} ${tag} ${text}`).sort()).toEqual([
      'stderr F err',
      'stdout F out',
      'stdout P no newline', // the log tells that the line was never ended
    ]);
    expect(await mustCrictl('logs', id)).toContain('out');
  });

  it('has long lines in parts', async () => {
    await using pod = await Pod.run('long-line');
    await exited(await pod.start('main', sh("head -c 40000 /dev/zero | tr '\\0' x; echo")));
    const lines = await pod.log('main');
    expect(lines.map((line) => `${line.tag} ${line.text.length}`)).toEqual(['P 16384', 'P 16384', 'F 7232']);
  });
});

describe('what is refused', () => {
  it.each([
    ['a log path that leaves the log folder', { log_path: '../../escape.log' }, 'log_path'],
    ['a field that is not carried out yet', { CDI_devices: [{ name: 'vendor.com/dev=0' }] }, 'CDI_devices'],
    ['an unknown capability', { linux: { security_context: { capabilities: { add_capabilities: ['FLY'] } } } }, 'FLY'],
  ])('%s', async (_what, options, named) => {
    await using pod = await Pod.run('refused');
    await expect(pod.create('main', options)).rejects.toThrow(named);
  });
});
