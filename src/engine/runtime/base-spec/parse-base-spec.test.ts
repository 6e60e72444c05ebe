import { describe, expect, it } from 'vitest';
import { isKind } from '../../errors.ts';
import { parseBaseSpec } from './parse-base-spec.ts';

function parse(document: unknown): ReturnType<typeof parseBaseSpec> {
  return parseBaseSpec(typeof document === 'string' ? document : JSON.stringify(document), '/base.json');
}

const BIND = { destination: '/opt/ca/', source: '/etc/ssl/certs', type: 'bind', options: ['rbind', 'ro'] };

describe('parseBaseSpec()', () => {
  it('takes what a container may have beside what davit sets', () => {
    const { spec, passedOver } = parse({
      process: {
        env: ['A=1', 'B='],
        rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }],
        user: { umask: 0o27 },
        ioPriority: { class: 'IOPRIO_CLASS_IDLE', priority: 0 },
      },
      mounts: [BIND, { destination: '/scratch', type: 'tmpfs', options: ['size=1m'] }],
      hooks: { createRuntime: [{ path: '/bin/hook', args: ['hook', ''], env: ['X=1'], timeout: 5 }] },
      annotations: { 'io.example/a': '1' },
      linux: {
        devices: [{ path: '/dev/x', type: 'c', major: 1, minor: 3 }],
        resources: { pids: { limit: 50 }, unified: { 'memory.high': 'max' } },
        rootfsPropagation: 'rslave',
        personality: { domain: 'LINUX32' },
      },
    });
    expect(spec).toEqual({
      env: ['A=1', 'B='],
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }],
      umask: 0o27,
      mounts: [
        { ...BIND, destination: '/opt/ca' },
        { destination: '/scratch', type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] },
      ],
      hooks: { createRuntime: [{ path: '/bin/hook', args: ['hook', ''], env: ['X=1'], timeout: 5 }] },
      annotations: { 'io.example/a': '1' },
      devices: [{ path: '/dev/x', type: 'c', major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 }],
      rootfsPropagation: 'rslave',
      unified: { 'memory.high': 'max' },
      process: { ioPriority: { class: 'IOPRIO_CLASS_IDLE', priority: 0 } },
      linux: { personality: { domain: 'LINUX32' } },
      resources: { pids: { limit: 50 } },
    });
    expect(passedOver).toEqual([]);
  });

  it('passes over what davit sets itself, which tools write into every spec, and says so', () => {
    const { spec, passedOver } = parse({
      ociVersion: '1.2.0',
      root: { path: 'rootfs' },
      hostname: 'runc',
      process: {
        terminal: true,
        args: ['sh'],
        cwd: '/',
        user: { uid: 0, gid: 0 },
        capabilities: { bounding: [] },
        noNewPrivileges: true,
      },
      linux: { namespaces: [], maskedPaths: [], readonlyPaths: [], resources: { devices: [] } },
    });
    expect(spec).toMatchObject({ env: [], mounts: [], process: {}, linux: {}, resources: {} });
    expect(passedOver).toEqual([
      'ociVersion',
      'root',
      'hostname',
      'process.terminal',
      'process.args',
      'process.cwd',
      'process.capabilities',
      'process.noNewPrivileges',
      'process.user.uid',
      'process.user.gid',
      'linux.namespaces',
      'linux.maskedPaths',
      'linux.readonlyPaths',
      'linux.resources.devices',
    ]);
  });

  it('keeps limits whole that no number of JavaScript is', () => {
    const limit = '{"type":"RLIMIT_CORE","soft":18446744073709551615,"hard":18446744073709551615}';
    expect(parse(`{"process":{"rlimits":[${limit}]}}`).spec.rlimits).toEqual([
      { type: 'RLIMIT_CORE', soft: 2n ** 64n - 1n, hard: 2n ** 64n - 1n },
    ]);
  });

  it.each([
    ['{', 'is not JSON'],
    [[], 'is no object'],
    [{ mount: [] }, 'mount: is no key of'],
    [{ process: { evn: [] } }, 'process.evn: is no key of'],
    [{ process: { env: ['=x'] } }, 'process.env[0]: "=x" is no variable'],
    [{ process: { rlimits: [{ type: 'nofile', soft: 1, hard: 1 }] } }, 'process.rlimits[0].type'],
    [{ process: { rlimits: [{ type: 'RLIMIT_CPU', soft: 2, hard: 1 }] } }, 'process.rlimits[0].soft: is above hard'],
    [{ process: { user: { umask: 512 } } }, 'process.user.umask'],
    [{ process: { ioPriority: 3 } }, 'process.ioPriority: is no object'],
    [{ process: { execCPUAffinity: {} } }, 'exec_cpu_affinity'],
    [{ mounts: [{ ...BIND, destination: 'opt' }] }, 'mounts[0].destination'],
    [{ mounts: [{ ...BIND, destination: '/a/..' }] }, 'mounts[0].destination'],
    [{ mounts: [{ ...BIND, source: 'certs' }] }, 'mounts[0].source'],
    [{ mounts: [{ ...BIND, uidMappings: [] }] }, 'mounts[0].uidMappings: is no key of'],
    [{ mounts: [{ destination: '/a' }] }, 'mounts[0].type'],
    [{ hooks: { preStart: [] } }, 'hooks.preStart: is no key of'],
    [{ hooks: { prestart: [{ path: 'hook' }] } }, 'hooks.prestart[0].path'],
    [{ hooks: { prestart: [{ path: '/hook', timeout: 0 }] } }, 'hooks.prestart[0].timeout'],
    [{ annotations: { a: 1 } }, 'annotations["a"]: is no text'],
    [{ linux: { devices: [{ path: '/dev/x', type: 'p', major: 1, minor: 1 }] } }, 'linux.devices[0].type'],
    [{ linux: { devices: [{ path: '/dev/x', type: 'c' }] } }, 'linux.devices[0].major'],
    [{ linux: { sysctl: {} } }, 'linux.sysctl: is not taken: they belong to pods'],
    [{ linux: { seccomp: {} } }, "linux.seccomp: is not taken: the handler's seccomp_profile"],
    [{ linux: { resources: { memory: {} } } }, 'linux.resources.memory: is not taken'],
    [{ linux: { rootfsPropagation: 'none' } }, 'linux.rootfsPropagation'],
    [{ windows: {} }, 'windows: is not taken'],
  ])('refuses %j by file and place', (document, message) => {
    let error: unknown;
    try {
      parse(document);
    } catch (thrown) {
      error = thrown;
    }
    expect(isKind(error, 'invalid-argument')).toBe(true);
    expect(String(error)).toContain('/base.json: ');
    expect(String(error)).toContain(message);
  });
});
