import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDns, readNodeResolvConf, renderResolvConf } from './resolv-conf.ts';

const none = { servers: [], searches: [], options: [] };

describe('renderResolvConf()', () => {
  it('writes servers, searches and options', () => {
    const dns = {
      servers: ['10.96.0.10', 'fd00::a'],
      searches: ['ns.svc.cluster.local', 'svc'],
      options: ['ndots:5', 'rotate'],
    };
    expect(renderResolvConf(dns)).toBe(
      'search ns.svc.cluster.local svc\nnameserver 10.96.0.10\nnameserver fd00::a\noptions ndots:5 rotate\n',
    );
  });

  it("leaves it to the node's when nothing is asked for", () => {
    expect(renderResolvConf(undefined)).toBeUndefined();
    expect(renderResolvConf(none)).toBeUndefined();
  });
});

describe('checkDns()', () => {
  it.each([
    [{ ...none, servers: ['10.0.0.1', 'dns.local'] }, 'config.dns_config.servers[1]'],
    [{ ...none, servers: ['10.0.0.1\nnameserver 6.6.6.6'] }, 'config.dns_config.servers[0]'],
    [{ ...none, searches: ['a b'] }, 'config.dns_config.searches[0]'],
    [{ ...none, options: ['ndots:5', ''] }, 'config.dns_config.options[1]'],
  ])('names the field in %j', (dns, field) => {
    expect(() => checkDns(dns)).toThrow(`${field}: `);
  });
});

describe('readNodeResolvConf()', () => {
  let dir: string;
  const file = (name: string): string => join(dir, name);
  const files = (): { resolvConf: string; resolvedConf: string; hosts: string } => ({
    resolvConf: file('resolv.conf'),
    resolvedConf: file('resolved.conf'),
    hosts: file('hosts'),
  });

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'dvrc'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('follows a symlink', async () => {
    await writeFile(file('real'), 'nameserver 10.0.0.1\n');
    await symlink('real', file('resolv.conf'));
    expect(await readNodeResolvConf(files(), 'pod')).toBe('nameserver 10.0.0.1\n');
  });

  it("takes the servers behind systemd-resolved's stub for a pod with a network of its own", async () => {
    await writeFile(file('resolv.conf'), 'nameserver 127.0.0.53\noptions edns0\n');
    expect(await readNodeResolvConf(files(), 'pod')).toBe('nameserver 127.0.0.53\noptions edns0\n');
    await writeFile(file('resolved.conf'), 'nameserver 10.0.0.1\n');
    expect(await readNodeResolvConf(files(), 'pod')).toBe('nameserver 10.0.0.1\n');
    expect(await readNodeResolvConf(files(), 'node')).toBe('nameserver 127.0.0.53\noptions edns0\n');
  });

  it('is empty where the node has none', async () => {
    expect(await readNodeResolvConf(files(), 'pod')).toBe('');
  });
});
