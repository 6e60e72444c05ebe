import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import { isLoopback, loadHosts } from './hosts.ts';
import type { RegistryHost } from './hosts.ts';

let root: string;
let warnings: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'davit-hosts-'));
  warnings = [];
});

afterEach(() => rm(root, { recursive: true }));

async function put(folder: string, text: string, name = 'hosts.toml'): Promise<void> {
  await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, folder, name), text);
}

function load(domain: string, configPath = [root]): Promise<readonly RegistryHost[]> {
  return loadHosts(domain, { configPath: () => configPath, warn: (message) => warnings.push(message) });
}

async function urls(domain: string): Promise<readonly string[]> {
  return (await load(domain)).map((host) => host.url);
}

function at(name: string): string {
  return `[host."https://${name}.example"]`;
}

async function refusal(domain: string): Promise<string> {
  const error: unknown = await load(domain).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof EngineError && error.kind === 'failed-precondition') return error.message;
  throw new Error('not refused', { cause: error });
}

describe('loadHosts()', () => {
  it('asks the name itself where nothing is configured', async () => {
    expect(await urls('registry.k8s.io')).toEqual(['https://registry.k8s.io/v2']);
    expect(await urls('docker.io')).toEqual(['https://registry-1.docker.io/v2']);
    expect(await urls('localhost:5000')).toEqual(['http://localhost:5000/v2']);
    expect(await urls('127.0.0.1:443')).toEqual(['https://127.0.0.1:443/v2']);
    expect(await urls('localhost')).toEqual(['https://localhost/v2']);
    expect((await load('[::1]:5000'))[0]).toMatchObject({ url: 'http://[::1]:5000/v2', skipVerify: true });
  });

  it('keeps the order of the file and puts the server last', async () => {
    await put(
      'docker.io',
      `server = "https://upstream.example"
       [host."https://b.example"]
       [host."http://a.example:8080/root"]
         capabilities = ["pull"]
       [host."c.example/x/v2/"]
         override_path = false
       [host."https://d.example/keep/"]
         override_path = true
       [host."https://d.example/keep/".header]
         x-one = "1"
         x-two = ["2", "3"]`,
    );
    const hosts = await load('docker.io');
    expect(hosts.map((host) => host.url)).toEqual([
      'https://b.example/v2',
      'http://a.example:8080/root/v2',
      'https://c.example/x/v2',
      'https://d.example/keep',
      'https://upstream.example/v2',
    ]);
    expect(hosts.map((host) => host.resolve)).toEqual([true, false, true, true, true]);
    expect(hosts.every((host) => host.isMirror)).toBe(true);
    expect(hosts[3]?.headers).toEqual({ 'x-one': ['1'], 'x-two': ['2', '3'] });
  });

  it('falls back to the name itself where the file names no server', async () => {
    await put('docker.io', '[host."http://127.0.0.1:5000"]');
    expect(await urls('docker.io')).toEqual(['http://127.0.0.1:5000/v2', 'https://registry-1.docker.io/v2']);
    expect((await load('docker.io')).map((host) => host.isMirror)).toEqual([true, false]);
  });

  it('reads the TLS settings, relative to the file', async () => {
    await put(
      'example.com',
      `ca = "root.pem"
       skip_verify = true
       dial_timeout = "1m1.5s"
       [host."https://m.example"]
         ca = ["/etc/a.pem", "b.pem"]
         client = [["c.pem", "c.key"], "both.pem"]
         dial_timeout = "250ms"`,
    );
    const folder = join(root, 'example.com');
    const [mirror, server] = await load('example.com');
    expect(mirror).toMatchObject({
      ca: ['/etc/a.pem', join(folder, 'b.pem')],
      client: [{ cert: join(folder, 'c.pem'), key: join(folder, 'c.key') }, { cert: join(folder, 'both.pem') }],
      skipVerify: false,
      dialTimeoutMs: 250,
    });
    expect(server).toMatchObject({
      url: 'https://example.com/v2',
      ca: [join(folder, 'root.pem')],
      skipVerify: true,
      dialTimeoutMs: 61_500,
    });
  });

  it('finds the folder with the escaped port, then with the port, then the default, root by root', async () => {
    const first = join(root, 'one');
    const second = join(root, 'two');
    await put('two/example.com_5000_', at('escaped'));
    await put('two/example.com:5000', at('plain'));
    await put('two/_default', at('default'));
    const mirror = async (domain: string): Promise<string | undefined> => (await load(domain, [first, second]))[0]?.url;
    expect(await mirror('example.com:5000')).toBe('https://escaped.example/v2');
    await rm(join(second, 'example.com_5000_'), { recursive: true });
    expect(await mirror('example.com:5000')).toBe('https://plain.example/v2');
    expect(await mirror('other.example')).toBe('https://default.example/v2');
    await put('one/_default', at('first'));
    expect(await mirror('example.com:5000')).toBe('https://first.example/v2');
  });

  it("takes Docker's certificate files where there is no hosts.toml", async () => {
    await put('example.com', '', 'ca.crt');
    await put('example.com', '', 'me.cert');
    await put('example.com', '', 'me.key');
    const [host] = await load('example.com');
    const folder = join(root, 'example.com');
    expect(host?.ca).toEqual([join(folder, 'ca.crt')]);
    expect(host?.client).toEqual([{ cert: join(folder, 'me.cert'), key: join(folder, 'me.key') }]);
  });

  it('warns of keys that it does not know', async () => {
    await put('example.com', 'sever = "x"\n[host."https://m.example"]\n  skip_verfy = true');
    await load('example.com');
    expect(warnings.map((line) => line.slice(root.length))).toEqual([
      '/example.com/hosts.toml: unknown key host."https://m.example".skip_verfy has no effect',
      '/example.com/hosts.toml: unknown key sever has no effect',
    ]);
  });

  it.each([
    ['server = 5', 'server: must be a string'],
    ['server = "ftp://x"', 'server: "ftp://x" is no http or https URL'],
    ['server = "https://u:p@x"', 'server: the URL may hold no user'],
    ['capabilities = ["push", "fly"]', 'capabilities: "fly" is none of'],
    ['[host]\n"https://x" = 5', 'host."https://x": must be a table'],
    ['[host."https://x"]\nskip_verify = "yes"', 'host."https://x".skip_verify: must be true or false'],
    ['[host."https://x"]\nca = [5]', 'host."https://x".ca: must be a string'],
    ['[host."https://x"]\nclient = [["a"]]', 'host."https://x".client: a pair is'],
    ['[host."https://x"]\ndial_timeout = "soon"', 'host."https://x".dial_timeout: "soon" is no duration'],
    ['[host."https://x".header]\nauthorization = "secret\\n"', 'header.authorization: holds a character'],
    ['server = ', 'hosts.toml:1: '],
  ])('refuses %j and names file and key', async (text, message) => {
    await put('example.com', text);
    const refused = await refusal('example.com');
    expect(refused).toContain(join(root, 'example.com', 'hosts.toml'));
    expect(refused).toContain(message);
    expect(refused).not.toContain('secret');
  });
});

describe('isLoopback()', () => {
  it('knows the names of this machine', () => {
    expect(['localhost', 'localhost:5000', '127.0.0.1', '127.3.2.1:80', '[::1]', '[::1]:5000'].every(isLoopback)).toBe(
      true,
    );
    expect(['localhost.example', '128.0.0.1', '127.evil.com', '[::2]:1', 'example.com'].some(isLoopback)).toBe(false);
  });
});
