import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { output, shMerged } from './support/containers.ts';
import { BUSYBOX, Pod, crictlJson, exited, mustCrictl } from './support/node.ts';
import type { ContainerOptions } from './support/node.ts';

const [RUNTIME_DEFAULT, UNCONFINED, LOCALHOST] = [0, 1, 2];
const [NAMESPACE_POD, NAMESPACE_NODE] = [0, 2];
/** A setuid root program that prints its effective uid. */
const SETUID = 'registry.k8s.io/e2e-test-images/nonewprivs:1.3';

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  await mustCrictl('pull', SETUID);
});

/** A container that runs a script under a security context; its outputs are one, so that they keep their order. */
function confined(script: string, securityContext: object, more: ContainerOptions = {}): ContainerOptions {
  return { ...shMerged(script), linux: { security_context: securityContext }, ...more };
}

async function said(pod: Pod, name: string, options: ContainerOptions): Promise<string> {
  return (await output(pod, name, options)).join('\n');
}

const SECCOMP_MODE = 'grep ^Seccomp: /proc/self/status';
const runtimeDefault = { seccomp: { profile_type: RUNTIME_DEFAULT } };

describe('seccomp of a container, by crictl', () => {
  it.each([
    ['the runtime’s default', runtimeDefault, 'Seccomp:\t2'],
    ['the older form of it', { seccomp_profile_path: 'runtime/default' }, 'Seccomp:\t2'],
    ['Unconfined', { seccomp: { profile_type: UNCONFINED } }, 'Seccomp:\t0'],
    ['nothing', {}, 'Seccomp:\t0'],
  ])('is on or off as %s says', async (_what, context, mode) => {
    await using pod = await Pod.run('seccomp');
    expect(await said(pod, 'main', confined(SECCOMP_MODE, context))).toBe(mode);
  });

  it('lets ordinary programs work, and keeps the kernel to itself, under the default', async () => {
    await using pod = await Pod.run('seccomp-default');
    const script = `
      mkdir -p /tmp/www && echo served > /tmp/www/index.html && httpd -p 8080 -h /tmp/www
      wget -q -O - http://127.0.0.1:8080/ && ls -d /tmp/www && sh -c 'sleep 0 & wait; echo waited'
      chown 33:33 /tmp/www/index.html && chmod 600 /tmp/www/index.html && stat -c '%u %a' /tmp/www/index.html
      ln -s a /tmp/b && mv /tmp/b /tmp/c && rm /tmp/c && sync && ps > /dev/null && date > /dev/null && echo done
      unshare -U true || unshare -n true || mount -t tmpfs none /mnt || echo refused
      hostname other || dmesg || echo refused too`;
    expect(await said(pod, 'main', confined(script, runtimeDefault))).toMatch(
      /^served\n\/tmp\/www\nwaited\n33 600\ndone\n[^]*^refused\n[^]*^refused too$/m,
    );
  });

  it('follows the capabilities that the container is granted', async () => {
    await using pod = await Pod.run('seccomp-capabilities');
    const context = { ...runtimeDefault, capabilities: { add_capabilities: ['SYS_ADMIN'] } };
    const script = 'mkdir -p /mnt && mount -t tmpfs none /mnt && unshare -n true && hostname other && hostname';
    expect(await said(pod, 'main', confined(script, context))).toBe('other');
  });

  it.each(['seccomp', 'seccomp_profile_path'])('is that of a file of the node, named by %s', async (field) => {
    await using pod = await Pod.run('seccomp-localhost');
    const file = join(pod.dir, 'profile.json');
    const names = ['mkdir', 'mkdirat', 'sethostname', 'no_such_call'];
    const rules = [{ names, action: 'SCMP_ACT_ERRNO', errnoRet: 13 }];
    await writeFile(file, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: rules }));
    const profile = field === 'seccomp' ? { profile_type: LOCALHOST, localhost_ref: file } : `localhost/${file}`;
    const context = { [field]: profile, capabilities: { add_capabilities: ['SYS_ADMIN'] } };
    const script = `${SECCOMP_MODE}; mkdir /tmp/x; hostname other; touch /tmp/y && echo touched`;
    expect(await said(pod, 'main', confined(script, context))).toMatch(
      /^Seccomp:\t2\nmkdir: [^\n]*Permission denied\nhostname: [^\n]*denied\ntouched$/,
    );
  });

  it('names field, file and place of a profile that is none, and leaves nothing', async () => {
    await using pod = await Pod.run('seccomp-bad');
    const file = join(pod.dir, 'profile.json');
    const context = { seccomp: { profile_type: LOCALHOST, localhost_ref: file } };
    const refused = async (): Promise<string> =>
      await pod.create('main', confined('true', context)).then(
        () => 'created',
        (error: Error) => error.message,
      );
    expect(await refused()).toContain(`config.linux.security_context.seccomp: ${file}: cannot be read: ENOENT`);
    await writeFile(file, '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"ALLOW"}]}');
    expect(await refused()).toContain(`${file}: syscalls[0].action: \\"ALLOW\\" is none of SCMP_ACT_ALLOW`);
    expect(await mustCrictl('ps', '-a', '-q', '--pod', pod.id)).toBe('');
  });

  it('is off for a privileged container, whatever stands beside it', async () => {
    const context = { ...runtimeDefault, privileged: true, seccomp_profile_path: 'localhost//no/such/file' };
    await using pod = await Pod.run('seccomp-privileged', { linux: { security_context: { privileged: true } } });
    const script = `${SECCOMP_MODE}; mkdir -p /mnt; mount -t tmpfs none /mnt && echo mounted`;
    expect(await said(pod, 'main', confined(script, context))).toBe('Seccomp:\t0\nmounted');
  });

  it("holds the pod's own process where it has one", async () => {
    const context = { ...runtimeDefault, namespace_options: { pid: NAMESPACE_POD } };
    await using pod = await Pod.run('seccomp-pause', { linux: { security_context: context } });
    const shared = { namespace_options: { pid: NAMESPACE_POD } };
    expect(await said(pod, 'main', confined('grep ^Seccomp: /proc/1/status', shared))).toBe('Seccomp:\t2');
  });
});

describe('AppArmor of a container on a node without it, by crictl', () => {
  it.each([{}, { apparmor: { profile_type: RUNTIME_DEFAULT } }, { apparmor_profile: 'runtime/default' }])(
    'is passed over for %j',
    async (context) => {
      await using pod = await Pod.run('apparmor');
      expect(await said(pod, 'main', confined('echo runs', context))).toBe('runs');
    },
  );

  it.each([{ apparmor: { profile_type: LOCALHOST, localhost_ref: 'web' } }, { apparmor_profile: 'localhost/web' }])(
    'is an error that says so for %j',
    async (context) => {
      await using pod = await Pod.run('apparmor-localhost');
      await expect(pod.create('main', confined('true', context))).rejects.toThrow(
        'cannot be used: AppArmor is off on this node',
      );
    },
  );
});

describe('SELinux options of a container on a node without it, by crictl', () => {
  it('are checked and passed over', async () => {
    const good = { selinux_options: { type: 'container_t', level: 's0:c1,c2' } };
    await using pod = await Pod.run('selinux', { linux: { security_context: good } });
    expect(await said(pod, 'main', confined('echo runs', good))).toBe('runs');
    await expect(pod.create('bad', confined('true', { selinux_options: { level: 's0,c1' } }))).rejects.toThrow(
      'config.linux.security_context.selinux_options.level',
    );
  });
});

describe('capabilities of a container, by crictl', () => {
  const sets = 'grep -E "^Cap(Inh|Prm|Eff|Bnd|Amb)" /proc/self/status | cut -f 2 | tr "\\n" " "';

  it('that are ambient are in all sets, and a program that is not root keeps them', async () => {
    await using pod = await Pod.run('ambient');
    const capabilities = { drop_capabilities: ['ALL'], add_ambient_capabilities: ['NET_BIND_SERVICE'] };
    const context = { capabilities, run_as_user: { value: 1000 }, no_new_privs: true };
    const all = Array.from({ length: 5 }, () => '0000000000000400').join(' ');
    expect((await said(pod, 'main', confined(sets, context))).trim()).toBe(all);
    const listen = 'httpd -p 80 && wget -q -O - http://127.0.0.1/etc/hostname && echo served';
    expect(await said(pod, 'http', confined(`cd /; ${listen}`, context))).toContain('served');
  });

  it('that are not are lost by a program that is not root', async () => {
    await using pod = await Pod.run('added');
    const capabilities = { drop_capabilities: ['ALL'], add_capabilities: ['NET_BIND_SERVICE'] };
    const context = { capabilities, run_as_user: { value: 1000 } };
    const [none, one] = ['0000000000000000', '0000000000000400'];
    expect((await said(pod, 'main', confined(sets, context))).trim()).toBe(`${none} ${none} ${none} ${one} ${none}`);
  });

  it('are refused as ambient where they are dropped, naming the field', async () => {
    await using pod = await Pod.run('ambient-dropped');
    const capabilities = { drop_capabilities: ['KILL'], add_ambient_capabilities: ['KILL'] };
    await expect(pod.create('main', confined('true', { capabilities }))).rejects.toThrow(
      'capabilities.add_ambient_capabilities[0]: CAP_KILL is not among those that the container gets',
    );
  });
});

describe('the process of a container, by crictl', () => {
  it.each([
    [true, 'Effective uid: 1000'],
    [false, 'Effective uid: 0'],
  ])('gains no rights when no_new_privs is %s', async (noNewPrivs, expected) => {
    await using pod = await Pod.run('no-new-privs');
    const options = {
      image: { image: SETUID },
      command: [],
      linux: { security_context: { no_new_privs: noNewPrivs, run_as_user: { value: 1000 }, ...runtimeDefault } },
    };
    expect(await said(pod, 'main', options)).toBe(expected);
  });

  it('sees what is masked as empty, and writes to nothing read-only', async () => {
    await using pod = await Pod.run('hidden');
    const context = { masked_paths: ['/proc/cpuinfo', '/etc/passwd'], readonly_paths: ['/proc/sys', '/tmp'] };
    const script = 'cat /etc/passwd /proc/cpuinfo; touch /tmp/x; touch /root/x && echo written';
    expect(await said(pod, 'main', confined(script, context))).toMatch(/^touch: \/tmp\/x: Read-only.*\nwritten$/);
    const bare = confined('head -n 1 /etc/passwd; touch /tmp/x && echo written', { readonly_rootfs: false });
    expect(await said(pod, 'bare', bare)).toMatch(/^root:.*\nwritten$/);
    const readonly = confined('touch /tmp/x; touch /dev/shm/x && echo shm', { readonly_rootfs: true });
    expect(await said(pod, 'readonly', readonly)).toMatch(/^touch: \/tmp\/x: Read-only.*\nshm$/);
  });

  it('is the user that the status tells', async () => {
    await using pod = await Pod.run('user');
    const context = { run_as_user: { value: 1000 }, run_as_group: { value: 2000 }, supplemental_groups: [3000] };
    const id = await pod.start('main', confined('id -u; id -g; id -G', context));
    await exited(id);
    const { status } = await crictlJson<{ status: { user: { linux: object } } }>('inspect', id);
    expect(status.user.linux).toEqual({ uid: '1000', gid: '2000', supplementalGroups: ['2000', '3000'] });
    expect((await pod.log('main')).map((line) => line.text)).toEqual(['1000', '2000', '2000 3000']);
  });

  it('is of a pod without privileges unless the pod asked for them', async () => {
    await using pod = await Pod.run('privileged-refused', { linux: { security_context: {} } });
    await expect(pod.create('main', confined('true', { privileged: true }))).rejects.toThrow(
      'config.linux.security_context.privileged',
    );
    const networks = { namespace_options: { network: NAMESPACE_NODE } };
    await expect(pod.create('network', confined('true', networks))).rejects.toThrow('namespace_options.network');
  });
});
