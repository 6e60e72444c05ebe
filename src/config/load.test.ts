import { describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.ts';
import { defaultConfig } from './defaults.ts';
import { checkConfig, loadConfig, type ConfigFiles } from './load.ts';

const MAIN = '/etc/davit/config.toml';

describe('loadConfig()', () => {
  it('runs on the defaults when the default file is missing', () => {
    expect(loadConfig([], fakeFiles({}))).toEqual(defaultConfig());
  });

  it('refuses a file that was asked for and is missing', () => {
    expect(checkConfig(['--config', '/x.toml'], fakeFiles({})).problems).toEqual([
      { file: '/x.toml', key: '', message: 'cannot be read: ENOENT' },
    ]);
  });

  it('lets drop-ins win over the file, later names over earlier ones, and flags over all', () => {
    const files = fakeFiles({
      [MAIN]:
        'root = "/a"\nstate = "/b"\nlog_level = "warn"\ndefault_runtime = "kata"\n[handlers.kata]\ntype = "io.containerd.kata.v2"',
      '/etc/davit/conf.d/20.toml': 'state = "/d"\nlog_level = "debug"',
      '/etc/davit/conf.d/10.toml': 'state = "/c"\n[handlers.kata]\nsnapshotter = "devmapper"',
      '/etc/davit/conf.d/.30.toml': 'state = "/hidden"',
      '/etc/davit/conf.d/40.toml~': 'state = "/backup"',
    });
    const config = loadConfig(['--log-level', 'error', '--builtin-network', '--cni-bin-dir=/x:/y'], files);
    expect(config.root).toBe('/a');
    expect(config.state).toBe('/d');
    expect(config.logLevel).toBe('error');
    expect(config.builtinNetwork).toBe(true);
    expect(config.cniBinDir).toEqual(['/x', '/y']);
    expect(config.handlers['kata']).toMatchObject({ type: 'io.containerd.kata.v2', snapshotter: 'devmapper' });
    expect(Object.keys(config.handlers)).toEqual(['runc', 'kata']);
  });

  it('reads the drop-ins beside the file that --config names', () => {
    const files = fakeFiles({ '/x/my.toml': '', '/x/conf.d/a.toml': 'root = "/r"', [MAIN]: 'root = "/no"' });
    const checked = checkConfig(['--config=/x/my.toml'], files);
    expect(checked.config?.root).toBe('/r');
    expect(checked.files).toEqual(['/x/my.toml', '/x/conf.d/a.toml']);
  });

  it('merges tables key by key', () => {
    const files = fakeFiles({
      [MAIN]: '[handlers.runc]\nbinary = "crun"\n[handlers.runc.options]\nSystemdCgroup = false',
      '/etc/davit/conf.d/a.toml': '[handlers.runc.options]\nSystemdCgroup = true',
    });
    expect(loadConfig([], files).handlers['runc']).toMatchObject({ binary: 'crun', options: { SystemdCgroup: true } });
  });

  it('takes every key of a handler', () => {
    const text = [
      '[handlers.win]',
      'type = "io.containerd.runhcs.v1"',
      'snapshotter = "windows"',
      'pod_annotations = ["io.microsoft.virtualmachine.*"]',
      'container_annotations = ["io.microsoft.container.*"]',
      'cni_conf_dir = "/etc/cni/win.d"',
      '[handlers.win.default_annotations]',
      '"io.microsoft.container.x" = "1"',
      '[handlers.win.options]',
      'SandboxImage = "pause:1"',
      'SandboxIsolation = "HYPERVISOR"',
      'VmProcessorCount = 4',
    ].join('\n');
    expect(loadConfig([], fakeFiles({ [MAIN]: text })).handlers['win']).toEqual({
      type: 'io.containerd.runhcs.v1',
      snapshotter: 'windows',
      defaultAnnotations: { 'io.microsoft.container.x': '1' },
      podAnnotations: ['io.microsoft.virtualmachine.*'],
      containerAnnotations: ['io.microsoft.container.*'],
      privilegedWithoutHostDevices: false,
      cgroupWritable: false,
      execCpuAffinity: 'all',
      cniConfDir: '/etc/cni/win.d',
      options: { SandboxImage: 'pause:1', SandboxIsolation: 'HYPERVISOR', VmProcessorCount: 4 },
    });
  });

  it.each([
    ['type = "io.containerd.kata-qemu.v2"\n[handlers.x.options]\nConfigPath = "/c"'],
    ['type = "io.containerd.runsc.v1"\n[handlers.x.options]\nTypeUrl = "a"\nConfigBody = "b"'],
    ['type = "com.example.some.v3"\nplatform = "linux"'],
    ['type = "/opt/bin/containerd-shim-runhcs-v1"\n[handlers.x.options]\nScrubLogs = true'],
    ['type = "/opt/bin/containerd-shim-runc-v2"\nbinary = "/opt/bin/crun"\n[handlers.x.options]\nRoot = "/run/x"'],
  ])('takes a handler with %j', (text) => {
    expect(checkConfig([], fakeFiles({ [MAIN]: `[handlers.x]\n${text}` })).problems).toEqual([]);
  });

  it.each([
    ['type = "runc"', 2, 'type', /runtime type like/],
    ['type = "io.containerd.runc.v2."', 2, 'type', /runtime type like/],
    ['type = "/opt/"', 2, 'type', /path of a shim/],
    ['binary = "bin/runc"', 2, 'binary', /absolute path or the name/],
    ['snapshotter = "/x"', 2, 'snapshotter', /snapshotter's name/],
    ['platform = "darwin"', 2, 'platform', /one of linux, windows/],
    ['platform = "windows"', 2, 'platform', /must be linux/],
    ['type = "io.containerd.kata.v2"\nplatform = "windows"', 3, 'platform', /must be linux/],
    ['type = "io.containerd.runhcs.v1"\nplatform = "linux"', 3, 'platform', /must be windows/],
    ['pod_annotations = ["io.[a"]', 2, 'pod_annotations', /pattern like/],
    ['container_annotations = [1]', 2, 'container_annotations', /integer/],
    ['default_annotations = ["a"]', 2, 'default_annotations', /table of strings/],
    ['[handlers.x.default_annotations]\na = 1', 2, 'default_annotations', /a is an integer/],
    ['cni_conf_dir = "net.d"', 2, 'cni_conf_dir', /absolute path/],
    ['[handlers.x.options]\nSystemdCgroup = 1', 3, 'options.SystemdCgroup', /true or false/],
    [
      '[handlers.x.options]\nSandboxImage = "a"',
      3,
      'options.SandboxImage',
      /is for runhcs; this one takes NoPivotRoot/,
    ],
    ['[handlers.x.options]\nSystemdCgroups = true', 3, 'options.SystemdCgroups', /is SystemdCgroup meant/],
    ['type = "io.containerd.kata.v2"\nbinary = "x"', 3, 'binary', /only runc's shim/],
    [
      'type = "io.containerd.kata.v2"\n[handlers.x.options]\nSystemdCgroup = true',
      4,
      'options.SystemdCgroup',
      /is for runc's shim; this one takes TypeUrl/,
    ],
    [
      'type = "io.containerd.kata.v2"\n[handlers.x.options]\nConfigPath = "/a"\nConfigBody = "b"',
      5,
      'options.ConfigBody',
      /takes one of them/,
    ],
  ])('refuses a handler with %j', (text, line, key, message) => {
    expect(checkConfig([], fakeFiles({ [MAIN]: `[handlers.x]\n${text}` })).problems).toEqual([
      { file: MAIN, line, key: `handlers.x.${key}`, message: expect.stringMatching(message) },
    ]);
  });

  it('refuses TLS settings of the streaming server that lack one another', () => {
    const text = '[streaming]\ntls_cert = "/c"\n[log]';
    expect(checkConfig([], fakeFiles({ [MAIN]: text })).problems).toEqual([
      { file: MAIN, line: 2, key: 'streaming.tls_cert', message: 'needs tls_key' },
    ]);
    const other = '[streaming]\ntls_key = "/k"\ntls_client_ca = "/a"';
    expect(checkConfig([], fakeFiles({ [MAIN]: other })).problems).toMatchObject([
      { line: 2, key: 'streaming.tls_key', message: 'needs tls_cert' },
      { line: 3, key: 'streaming.tls_client_ca' },
    ]);
  });

  it('names file, line and key of every problem', () => {
    const files = fakeFiles({
      [MAIN]:
        '\nlog_levle = "info"\nroot = 1\n[network]\ncni_timeout = 10\n[handlers.Bad]\n[handlers.a]\nx = 1\n[log]\nmax_line = [',
      '/etc/davit/conf.d/a.toml':
        'streams = 1\nroot = "rel"\n[network]\ncni_timeout = "1y"\n[handlers.Bad]\n[handlers.a]\ntyp = ""\n[nope]\nx = 1',
      '/etc/davit/conf.d/b.toml': 'handlers = 1\nlimits = []\n\n[handlers_.x]\n',
    });
    const argv = ['--root', 'rel', '--nope', 'stray', '--log-levle=x', '--builtin-network=1', '--state'];
    expect(checkConfig(argv, files).problems.map(({ file, line, key, message }) => [file, line, key, message])).toEqual(
      [
        ['command line', undefined, '--nope', 'unknown flag; see --help'],
        ['command line', undefined, 'stray', 'unexpected argument; see --help'],
        ['command line', undefined, '--log-levle', 'unknown flag; is --log-level meant?'],
        ['command line', undefined, '--state', 'needs a value'],
        [MAIN, 10, '', expect.stringContaining('unfinished array')],
        ['/etc/davit/conf.d/a.toml', 1, 'streams', 'unknown key'],
        ['/etc/davit/conf.d/a.toml', 2, 'root', 'must be an absolute path, got "rel"'],
        ['/etc/davit/conf.d/a.toml', 4, 'network.cni_timeout', expect.stringContaining('got "1y"')],
        ['/etc/davit/conf.d/a.toml', 5, 'handlers.Bad', expect.stringContaining('DNS label')],
        ['/etc/davit/conf.d/a.toml', 7, 'handlers.a.typ', 'unknown key; is type meant?'],
        ['/etc/davit/conf.d/a.toml', 8, 'nope', 'unknown key'],
        ['/etc/davit/conf.d/b.toml', 1, 'handlers', 'must be a table, got an integer'],
        ['/etc/davit/conf.d/b.toml', 2, 'limits', 'must be a table, got an array'],
        ['/etc/davit/conf.d/b.toml', 4, 'handlers_', 'unknown key; is handlers meant?'],
        ['command line', undefined, '--root', 'must be an absolute path, got "rel"'],
        ['command line', undefined, '--builtin-network', 'must be true or false, got a string'],
      ],
    );
  });

  it('throws all problems as one error of a line each', () => {
    const load = () => loadConfig([], fakeFiles({ [MAIN]: 'a = 1\nroot = 2' }));
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(`${MAIN}:1: a: unknown key\n${MAIN}:2: root: must be a string, got an integer`);
  });

  it('reports what only shows in the whole at the place that caused it', () => {
    const dropIn = { '/etc/davit/conf.d/a.toml': '\ndefault_runtime = "kata"\nstate = "/same"' };
    expect(checkConfig(['--root', '/same'], fakeFiles(dropIn)).problems).toEqual([
      {
        file: '/etc/davit/conf.d/a.toml',
        line: 2,
        key: 'default_runtime',
        message: 'names no handler; there are: runc',
      },
      { file: '/etc/davit/conf.d/a.toml', line: 3, key: 'state', message: expect.stringContaining('root') },
    ]);
  });

  it.each(['__proto__ = 1', '__proto__.x = 1', 'constructor = 1', '[toString]', '[handlers.__proto__]\ntype = "x"'])(
    'takes %j for an unknown key and changes no prototype',
    (text) => {
      const { problems } = checkConfig([], fakeFiles({ [MAIN]: text }));
      expect(problems).toHaveLength(1);
      expect(problems[0]?.line).toBe(1);
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
  );

  it('finds no handler under the name of an inherited property', () => {
    const { handlers } = loadConfig([], fakeFiles({}));
    expect(['constructor', '__proto__', 'toString'].map((name) => handlers[name])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('refuses files that are not UTF-8 and folders that cannot be listed', () => {
    const files: ConfigFiles = {
      readFile: () => Uint8Array.of(0x61, 0xff),
      listDir: () => {
        throw Object.assign(new Error('no'), { code: 'EACCES' });
      },
    };
    expect(checkConfig([], files).problems).toEqual([
      { file: MAIN, key: '', message: 'is not UTF-8' },
      { file: '/etc/davit/conf.d', key: '', message: 'cannot be read: EACCES' },
    ]);
  });

  it('freezes the value to the bottom', () => {
    const text = '[handlers.x.options]\nSystemdCgroup = true\n[images]\npinned = ["a"]';
    expect(unfrozen(loadConfig([], fakeFiles({ [MAIN]: text })))).toEqual([]);
  });
});

function unfrozen(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.entries(value).flatMap(([name, item]) => unfrozen(item, `${path}.${name}`));
  return Object.isFrozen(value) ? below : [path, ...below];
}

/** Files by path; folders are what the paths imply. */
function fakeFiles(contents: Readonly<Record<string, string>>): ConfigFiles {
  return {
    readFile(path) {
      const text = contents[path];
      if (text === undefined) throw missing();
      return Buffer.from(text);
    },
    listDir(folder) {
      const names = Object.keys(contents).filter((path) => path.startsWith(`${folder}/`));
      if (names.length === 0) throw missing();
      return names.map((path) => path.slice(folder.length + 1));
    },
  };
}

function missing(): Error {
  return Object.assign(new Error('no such file'), { code: 'ENOENT' });
}
