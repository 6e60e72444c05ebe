import { describe, expect, it } from 'vitest';
import { assemble } from './assemble.ts';
import { checkUlimits } from './defaults-rows.ts';
import { SCHEMA } from './schema.ts';

function check(ulimits: Readonly<Record<string, string>>): readonly string[] {
  return checkUlimits({ ulimits }).map(({ name }) => name);
}

describe('checkUlimits()', () => {
  it('takes one number, two, and none', () => {
    expect(check({ nofile: '1024', nproc: '10:20', core: '0:unlimited', memlock: 'unlimited' })).toEqual([]);
  });

  it('names what is none', () => {
    expect(check({ nofile: '', nproc: '20:10', core: '-1', data: '1:2:3', stack: 'unlimited:5', cpu: '1' })).toEqual([
      'nofile',
      'nproc',
      'core',
      'data',
      'stack',
    ]);
  });
});

describe('the keys of what every pod and container gets', () => {
  it.each([
    [{ pods: { sysctls: { 'kernel=x': '1' } } }, 'pods.sysctls'],
    [{ containers: { ulimits: { files: '1' } } }, 'containers.ulimits'],
    [{ containers: { env: ['X'] } }, 'containers.env'],
    [{ containers: { umask: '22' } }, 'containers.umask'],
    [{ containers: { timezone: '../../etc/shadow' } }, 'containers.timezone'],
    [{ containers: { default_capabilities: ['NET_RAW', 'NET_ROW'] } }, 'containers.default_capabilities'],
    [{ containers: { default_capabilities: ['ALL'] } }, 'containers.default_capabilities'],
    [{ containers: { default_capabilities: ['KILL', 'cap_kill'] } }, 'containers.default_capabilities'],
    [{ containers: { privileged_seccomp_profile: 'p.json' } }, 'containers.privileged_seccomp_profile'],
    [{ containers: { image_volumes: 'copy' } }, 'containers.image_volumes'],
    [{ containers: { additional_devices: ['/etc/x'] } }, 'containers.additional_devices'],
    [{ containers: { additional_devices: ['/dev/../etc'] } }, 'containers.additional_devices'],
    [{ containers: { additional_devices: ['/dev/x:/dev/./y'] } }, 'containers.additional_devices'],
    [{ containers: { additional_devices: ['/dev/x:rw'] } }, 'containers.additional_devices'],
    [{ containers: { additional_devices: ['/dev/x:/dev/y:'] } }, 'containers.additional_devices'],
    [{ containers: { additional_devices: ['/dev/x:/dev/y:rx'] } }, 'containers.additional_devices'],
    [{ containers: { min_memory: '12' } }, 'containers.min_memory'],
    [{ containers: { allowed_devices: ['/dev/x:/dev/y'] } }, 'containers.allowed_devices'],
    [{ containers: { allowed_devices: ['/dev/x,y'] } }, 'containers.allowed_devices'],
    [{ containers: { allowed_devices: ['/dev'] } }, 'containers.allowed_devices'],
    [{ pods: { pause_cpus: '3-1' } }, 'pods.pause_cpus'],
    [{ pods: { pause_cpus: '' } }, 'pods.pause_cpus'],
  ])('refuse %j', (tree, key) => {
    const layer = { source: 'f', tree, lineOf: () => 1, nameOf: (path: readonly string[]) => path.join('.') };
    const { problems } = assemble(SCHEMA, [layer]);
    expect(problems.map((problem) => problem.key)).toEqual([key]);
  });

  it('takes capabilities in any spelling', () => {
    const tree = { containers: { default_capabilities: ['kill', 'CAP_NET_RAW'] } };
    const { value, problems } = assemble(SCHEMA, [
      { source: 'f', tree, lineOf: () => 1, nameOf: (path: readonly string[]) => path.join('.') },
    ]);
    expect(problems).toEqual([]);
    expect(value).toMatchObject({ containers: { defaultCapabilities: ['CAP_KILL', 'CAP_NET_RAW'] } });
  });

  it('takes devices with another path and fewer rights', () => {
    const tree = { containers: { additional_devices: ['/dev/fuse', '/dev/net/tun:/dev/tun', '/dev/x:/dev/y:rw'] } };
    const layer = { source: 'f', tree, lineOf: () => 1, nameOf: (path: readonly string[]) => path.join('.') };
    expect(assemble(SCHEMA, [layer]).problems).toEqual([]);
  });
});
