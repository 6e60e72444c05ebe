import { hostname, networkInterfaces } from 'node:os';
import { readFile, readlink } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { sh } from './support/containers.ts';
import { freePort } from './support/free-port.ts';
import type { ContainerOptions } from './support/node.ts';
import { BUSYBOX, Pod, crictlJson, eventually, exited, mustCrictl } from './support/node.ts';

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

async function outputOf(pod: Pod, name: string, options: ContainerOptions): Promise<readonly string[]> {
  await exited(await pod.start(name, options));
  return (await pod.log(name)).map((line) => line.text);
}

const HTTPD = sh('mkdir -p /tmp/www; echo served > /tmp/www/index.html; exec httpd -f -p 80 -h /tmp/www');

async function fetched(url: string): Promise<string> {
  return await eventually(`an answer of ${url}`, async () => {
    try {
      return await (await fetch(url)).text();
    } catch {
      return undefined; // not listening yet
    }
  });
}

describe('a pod sandbox, by crictl', () => {
  it('has its own network, host name, files and sysctls', async () => {
    await using pod = await Pod.run('files', {
      hostname: 'wonderful',
      dns_config: { servers: ['10.9.8.7'], searches: ['example.test'], options: ['ndots:3'] },
      linux: { sysctls: { 'net.ipv4.ip_forward': '1', 'kernel.shm_rmid_forced': '1' } },
    });
    const out = await outputOf(
      pod,
      'main',
      sh(
        'hostname; cat /etc/hostname; cat /etc/resolv.conf; grep wonderful /etc/hosts; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced; df /dev/shm | tail -1',
      ),
    );
    const ip = await pod.ip();
    expect(out.slice(0, 2)).toEqual(['wonderful', 'wonderful']);
    expect(out).toContain('nameserver 10.9.8.7');
    expect(out).toContain('search example.test');
    expect(out).toContain('options ndots:3');
    expect(out.find((line) => line.startsWith(ip))).toContain('wonderful');
    expect(out.slice(-3, -1)).toEqual(['1', '1']);
    expect(out.at(-1)).toMatch(/65536/);
  });

  it('answers on its own address, and keeps the address in its status after a stop', async () => {
    await using pod = await Pod.run('address');
    await pod.start('web', HTTPD);
    const ip = await pod.ip();
    expect(await fetched(`http://${ip}/`)).toBe('served\n');
    await mustCrictl('stopp', pod.id);
    const { status } = await crictlJson<{ status: { state: string } }>('inspectp', pod.id);
    expect(status.state).toBe('SANDBOX_NOTREADY');
  });

  it("serves host ports on loopback and on the node's own address", async () => {
    const port = await freePort();
    await using pod = await Pod.run('ports', { port_mappings: [{ protocol: 0, container_port: 80, host_port: port }] });
    await pod.start('web', HTTPD);
    expect(await fetched(`http://127.0.0.1:${port}/`)).toBe('served\n');
    const own = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === 'IPv4' && !address.internal);
    expect(await fetched(`http://${own?.address}:${port}/`)).toBe('served\n');
  });

  it("on the node's network has the node's name and interfaces", async () => {
    await using pod = await Pod.run('host-network', {
      linux: { security_context: { namespace_options: { network: 2 } } },
    });
    const out = await outputOf(pod, 'main', sh('hostname; ls -l /proc/self/ns/net'));
    expect(out[0]).toBe(hostname());
    expect(out[1]).toContain(await netnsOf('self'));
  });

  it('is one network and ipc namespace for all of its containers, and one pid namespace each', async () => {
    await using pod = await Pod.run('shared');
    const links = 'for n in net ipc uts pid; do readlink /proc/self/ns/$n; done';
    const first = await outputOf(pod, 'first', sh(links));
    const second = await outputOf(pod, 'second', sh(links));
    expect(second.slice(0, 3)).toEqual(first.slice(0, 3));
    expect(first[0]).not.toBe(`net:[${await netnsOf('self')}]`);
  });

  it('that shares its PID namespace reaps orphans, and needs no image for that', async () => {
    await using pod = await Pod.run('shared-pid', { linux: { security_context: { namespace_options: { pid: 0 } } } });
    const namespaces = { security_context: { namespace_options: { pid: 0 } } };
    await pod.start('main', { ...sh('(sh -c "sleep 0.2 & sleep 0.1" &) ; sleep 1000'), linux: namespaces });
    const out = await outputOf(pod, 'watch', {
      ...sh('sleep 2; cat /proc/1/comm; grep -l "State:.Z" /proc/[0-9]*/status; cat /proc/[0-9]*/comm | grep -c sleep'),
      linux: namespaces,
    });
    expect(out[0]).toMatch(/^davit-pause|^pause/);
    expect(out).toHaveLength(2); // no zombie between the two
    const { info } = await crictlJson<{ info: { pid: number } }>('inspectp', pod.id);
    const pss = /^Pss:\s+(\d+) kB/m.exec(await readFile(`/proc/${info.pid}/smaps_rollup`, 'utf8'));
    expect(Number(pss?.[1])).toBeLessThan(1024);
  });

  it('refuses a sysctl that would smuggle, and an unknown handler, naming them', async () => {
    await expect(
      Pod.run('bad-sysctl', { linux: { sysctls: { 'net.core.somaxconn+kernel.core_pattern': '1' } } }),
    ).rejects.toThrow(/sysctls/);
    await expect(Pod.run('bad-handler', {}, 'nonesuch')).rejects.toThrow(/nonesuch.*runc|runc.*nonesuch/);
  });
});

async function netnsOf(process: string): Promise<string> {
  return /\d+/.exec(await readlink(`/proc/${process}/ns/net`))?.[0] ?? '';
}
