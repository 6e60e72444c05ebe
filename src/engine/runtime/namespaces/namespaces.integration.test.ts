import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildPause } from '../../../../hack/lib/build-native.ts';
import type { Arch } from '../../../../hack/lib/build-native.ts';
import { isKind } from '../../errors.ts';
import { newSandboxId } from '../../ids.ts';
import type { Logger } from '../../logger.ts';
import { createNamespaceService, NAMESPACE_WORKER_SOURCE } from './index.ts';
import type { NamespaceService } from './index.ts';

const signal = new AbortController().signal;
const all = { network: true, ipc: true, uts: true, hostname: 'web-0', sysctls: {} };

let state: string;
let program: string;
let service: NamespaceService;
let lost: string[];

const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (_fields, message) => lost.push(message),
};

function make(workerEntry: URL, more: { orderTimeoutMs?: number } = {}): NamespaceService {
  return createNamespaceService({ state, workerEntry, program, logger, ...more });
}

function inNetns(path: string, ...command: string[]): string {
  return execFileSync('nsenter', [`--net=${path}`, ...command], { encoding: 'utf8' });
}

/** Namespaces that any thread of this process is in. */
function threadNamespaces(): Set<string> {
  const kinds = ['net', 'ipc', 'uts'];
  return new Set(
    readdirSync('/proc/self/task').flatMap((task) =>
      kinds.map((kind) => {
        try {
          return readlinkSync(`/proc/self/task/${task}/ns/${kind}`);
        } catch {
          return readlinkSync(`/proc/self/ns/${kind}`); // the thread has just ended
        }
      }),
    ),
  );
}

beforeEach(async () => {
  lost = [];
  state = await mkdtemp('/tmp/dvns');
  await chmod(state, 0o711);
  program = buildPause(process.arch as Arch, join(state, 'native')) ?? '';
  service = make(NAMESPACE_WORKER_SOURCE);
  await service.start(signal);
});

afterEach(async () => {
  for (const { sandboxId } of await service.list()) await service.destroy(sandboxId);
  await service.close();
  await rm(state, { recursive: true });
});

describe('NamespaceService.create()', () => {
  it('pins namespaces of its own with the host name, sysctls and a loopback of both families', async () => {
    const id = newSandboxId();
    const paths = await service.create(
      id,
      {
        ...all,
        sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0', 'kernel/shm_rmid_forced': '1', 'kernel.msgmax': '4096' },
      },
      signal,
    );
    const dir = join(state, 'sandboxes', id, 'ns');
    expect(paths).toEqual({ network: join(dir, 'net'), ipc: join(dir, 'ipc'), uts: join(dir, 'uts') });
    const enter = [`--net=${dir}/net`, `--ipc=${dir}/ipc`, `--uts=${dir}/uts`];
    const run = (...command: string[]): string =>
      execFileSync('nsenter', [...enter, ...command], { encoding: 'utf8' }).trim();
    expect(run('hostname')).toBe('web-0');
    expect(run('cat', '/proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('0');
    expect(run('cat', '/proc/sys/kernel/shm_rmid_forced')).toBe('1');
    expect(run('cat', '/proc/sys/kernel/msgmax')).toBe('4096');
    expect(run('ip', '-o', 'addr', 'show', 'lo')).toMatch(/127\.0\.0\.1\/8[^]*::1\/128/);
    expect(readFileSync('/proc/sys/kernel/msgmax', 'utf8').trim()).not.toBe('4096');
    expect(execFileSync('hostname', { encoding: 'utf8' }).trim()).toBe(hostname());
    expect(statSync(join(state, 'sandboxes', id)).mode & 0o777).toBe(0o700);
  });

  it('makes them owned by a user namespace with the ids that were asked for, and leaves no process', async () => {
    const id = newSandboxId();
    const user = { hostId: 131_072, length: 65_536 };
    const sysctls = { 'net.ipv4.ip_forward': '1', 'kernel.shmmax': '4096' };
    const paths = await service.create(id, { ...all, user, sysctls }, signal);
    await service.applySysctls(id, { ...all, user, sysctls }, signal);
    const dir = join(state, 'sandboxes', id, 'ns');
    expect(paths).toMatchObject({ user: join(dir, 'user'), network: join(dir, 'net') });
    const enter = ['user', 'net', 'ipc', 'uts'].map((kind) => `--${kind}=${dir}/${kind}`);
    const script = 'cat /proc/self/uid_map /proc/self/gid_map /proc/sys/kernel/shmmax; ip link set lo down; hostname x';
    const lines = execFileSync('nsenter', [...enter, '--setuid=0', '--setgid=0', 'sh', '-ec', script], {
      encoding: 'utf8',
    });
    expect(
      lines
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/ +/).join(' ')),
    ).toEqual(['0 131072 65536', '0 131072 65536', '4096']);
    expect(execFileSync('ps', ['--ppid', String(process.pid), '-o', 'args='], { encoding: 'utf8' })).not.toContain(
      'hold-',
    );
    await service.destroy(id);
    expect(existsSync(dir)).toBe(false);
    expect(await service.list()).toEqual([]);
  });

  it('makes only what is asked for', async () => {
    const id = newSandboxId();
    const paths = await service.create(id, { network: false, ipc: true, uts: false, sysctls: {} }, signal);
    expect(Object.keys(paths)).toEqual(['ipc']);
    expect(
      await service.create(newSandboxId(), { network: false, ipc: false, uts: false, sysctls: {} }, signal),
    ).toEqual({});
  });

  it("leaves every thread of the process in the node's namespaces, pool threads included", async () => {
    const before = threadNamespaces();
    await Promise.all(Array.from({ length: 20 }, () => service.create(newSandboxId(), all, signal)));
    const net = await Promise.all(Array.from({ length: 8 }, () => readlink('/proc/thread-self/ns/net')));
    expect([...new Set(net)]).toEqual([readlinkSync('/proc/self/ns/net')]);
    expect(threadNamespaces()).toEqual(before);
  });

  it('leaves nothing when a step fails, and names the sysctl', async () => {
    const sysctls = { 'net.ipv4.ip_forward': '1', 'net.ipv4.no_such_thing': '1' };
    const error: unknown = await service.create(newSandboxId(), { ...all, sysctls }, signal).catch((e: unknown) => e);
    expect(isKind(error, 'invalid-argument')).toBe(true);
    expect(String(error)).toContain('config.linux.sysctls["net.ipv4.no_such_thing"]: this kernel does not have it');
    const value = service.create(newSandboxId(), { ...all, sysctls: { 'net.ipv4.ip_forward': 'yes' } }, signal);
    await expect(value).rejects.toThrow(/config\.linux\.sysctls\["net\.ipv4\.ip_forward"\]: the kernel refuses/);
    expect(await service.list()).toEqual([]);
    expect(readdirSync(join(state, 'sandboxes'))).toEqual([]);
  });

  it('says already-exists for a sandbox that has namespaces, and keeps them', async () => {
    const id = newSandboxId();
    await service.create(id, all, signal);
    const error: unknown = await service.create(id, all, signal).catch((e: unknown) => e);
    expect(isKind(error, 'already-exists')).toBe(true);
    expect(await service.list()).toHaveLength(1);
  });

  it('releases what it made when the caller has gone', async () => {
    const controller = new AbortController();
    const made = service.create(newSandboxId(), all, controller.signal);
    controller.abort();
    await expect(made).rejects.toThrow(/abort/);
    expect(await service.list()).toEqual([]);
  });

  it('leaves settings of an interface that is not there yet to applySysctls()', async () => {
    const id = newSandboxId();
    const request = { ...all, sysctls: { 'net.ipv4.conf.dvt9.forwarding': '1' } };
    const { network = '' } = await service.create(id, request, signal);
    await expect(service.applySysctls(id, request, signal)).rejects.toThrow(/dvt9.*does not have it/);
    inNetns(network, 'ip', 'link', 'add', 'dvt9', 'type', 'bridge');
    await service.applySysctls(id, request, signal);
    expect(inNetns(network, 'cat', '/proc/sys/net/ipv4/conf/dvt9/forwarding').trim()).toBe('1');
  });
});

describe('NamespaceService.destroy()', () => {
  it('unpins, can be called again, and leaves other files of the sandbox alone', async () => {
    const id = newSandboxId();
    await service.create(id, all, signal);
    await writeFile(join(state, 'sandboxes', id, 'hosts'), '');
    await service.destroy(id);
    await service.destroy(id);
    expect(await service.list()).toEqual([]);
    expect(readdirSync(join(state, 'sandboxes', id))).toEqual(['hosts']);
    await service.destroy(newSandboxId());
  });
});

describe('NamespaceService.list()', () => {
  it('finds what another daemon pinned', async () => {
    const id = newSandboxId();
    const paths = await service.create(id, all, signal);
    const next = make(NAMESPACE_WORKER_SOURCE);
    await next.start(signal);
    expect(await next.list()).toEqual([{ sandboxId: id, namespaces: paths }]);
    await next.destroy(id);
    await next.close();
    expect(existsSync(join(state, 'sandboxes', id))).toBe(false);
  });
});

describe('NamespaceService mounts', () => {
  it('mounts a tmpfs with size, mode and flags, and unmounts it as often as it is asked to', async () => {
    const target = join(state, 'shm');
    await mkdir(target);
    await service.mountTmpfs(target, { sizeBytes: 1 << 20, mode: 0o1777, flags: ['nosuid', 'nodev', 'noexec'] });
    const line = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .find((line) => line.includes(target));
    expect(line).toMatch(/nosuid,nodev,noexec.*size=1024k/);
    expect(statSync(target).mode & 0o7777).toBe(0o1777);
    await service.unmount(target);
    await service.unmount(target);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(target);
    await rm(target, { recursive: true });
    await service.unmount(target);
  });
});

describe('the namespace thread', () => {
  it('dies and is replaced when it cannot come back, and never serves from the wrong namespace', async () => {
    const broken = make(new URL('./broken-worker.fixture.ts', import.meta.url));
    await broken.start(signal);
    const before = threadNamespaces();
    const id = newSandboxId();
    const [first, second] = await Promise.allSettled([
      broken.create(id, { ...all, hostname: 'lost' }, signal),
      broken.create(newSandboxId(), { network: true, ipc: true, uts: false, sysctls: {} }, signal),
    ]);
    expect(String(first.status === 'rejected' && first.reason)).toMatch(
      /cannot come back to the namespaces of the node/,
    );
    expect(second.status).toBe('fulfilled');
    expect(lost).toEqual(['the namespace thread is lost, a new one takes over']);
    expect(existsSync(join(state, 'sandboxes', id))).toBe(false);
    await broken.close();
    await expect.poll(threadNamespaces).toEqual(before);
  });

  it('says what is wrong when it cannot start', async () => {
    const absent = make(new URL('./no-such-worker.ts', import.meta.url));
    await expect(absent.create(newSandboxId(), all, signal)).rejects.toThrow(/thread was lost: .*no-such-worker/);
    await absent.close();
  });

  it('is given up when an order hangs, and those behind it go on', async () => {
    const hangs = `import { parentPort } from 'node:worker_threads';
      parentPort.on('message', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));`;
    const hung = make(new URL(`data:text/javascript,${encodeURIComponent(hangs)}`), { orderTimeoutMs: 200 });
    const outcomes = await Promise.allSettled([
      hung.create(newSandboxId(), all, signal),
      hung.create(newSandboxId(), all, signal),
    ]);
    for (const outcome of outcomes) {
      expect(String(outcome.status === 'rejected' && outcome.reason)).toMatch(/create: .*no answer within 0.2 s/);
    }
    await hung.close();
  });

  it('refuses work after close', async () => {
    await service.close();
    await expect(service.create(newSandboxId(), all, signal)).rejects.toThrow(/the namespace thread is closed/);
    service = make(NAMESPACE_WORKER_SOURCE);
    await service.start(signal);
  });
});
