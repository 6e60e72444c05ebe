import { packLayer } from './oci.ts';
import type { Form, Layer, RunConfig } from './oci.ts';
import { BUSYBOX } from './packages.ts';
import type { Packages } from './packages.ts';
import type { Entry } from './tar.ts';
import { dir, nginx, predefinedGroup, setuidId, smallSystem, text, whiteout } from './trees.ts';

/** An image and the names that it is pushed under. */
export interface Recipe {
  /** Repository without a registry host: whichever host is asked for, its mirror is ours. */
  readonly repositories: readonly string[];
  readonly tags: readonly string[];
  readonly layers: readonly Layer[];
  readonly config: RunConfig;
  readonly form: Form;
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const CRITEST = 'k8s-staging-cri-tools';
/** overlayfs has to be mounted with this many lower layers. */
const MANY_LAYERS = 120;

/** Every image that crictl's and critest's tests and our own use, under its upstream name. */
export function recipes(packages: Packages): readonly Recipe[] {
  const system = smallSystem(packages);
  const base = gzip(system);
  const shell: RunConfig = { Env: [PATH], Cmd: ['sh'] };
  return [
    image(['e2e-test-images/busybox'], ['1.29-2', '1.37.0-1'], [base], shell, 'oci-index'),
    image(['library/busybox'], ['latest', '1.37', '1.37.0'], [base], shell, 'oci-index'),
    ...servers(packages, base, system),
    ...pauses(packages),
    ...users(base),
    ...references(base, shell),
    ...shapes(base, system),
    image(['e2e-test-images/nonewprivs'], ['1.3'], [base, gzip(setuidId(packages))], {
      Env: [PATH],
      Cmd: ['sh', '-c', 'echo "Effective uid: $(/bin/effective -u)"'],
    }),
  ];
}

function servers(packages: Packages, base: Layer, system: readonly Entry[]): readonly Recipe[] {
  const run: RunConfig = {
    Env: [PATH],
    Cmd: ['nginx', '-g', 'daemon off;'],
    ExposedPorts: { '80/tcp': {} },
    StopSignal: 'SIGQUIT',
  };
  const web = [base, gzip(nginx(packages, 80))];
  const hostnet = [base, gzip(nginx(packages, 12003))];
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return [
    image(['e2e-test-images/nginx'], ['1.14-2'], web, run, 'docker'),
    image(['library/nginx'], ['latest'], web, run, 'docker'),
    image([`${CRITEST}/hostnet-nginx-${arch}`, `${CRITEST}/hostnet-nginx`], ['latest'], hostnet, run),
    image(['e2e-test-images/httpd', 'library/httpd'], ['2.4.39-4', 'latest'], httpdLayers(system), {
      Env: [PATH],
      Cmd: ['sh', '-c', 'echo httpd listens on port 80; exec httpd -f -v -p 80 -h /www'],
      ExposedPorts: { '80/tcp': {} },
    }),
  ];
}

/** zstd layers of which the later ones replace and remove files of the earlier ones. */
function httpdLayers(system: readonly Entry[]): readonly Layer[] {
  return [
    zstd(system),
    zstd([dir('www'), text('www/index.html', 'replaced by the next layer\n'), text('www/gone.html', 'removed\n')]),
    zstd([dir('www'), text('www/index.html', '<h1>It works on davit</h1>\n'), whiteout('www/gone.html')]),
  ];
}

/** One image per tag: a runtime that keeps one of them for itself must not meet it under the others' tags. */
function pauses(packages: Packages): readonly Recipe[] {
  return ['3.9', '3.10', '3.10.1'].map((tag) => {
    const layers = [gzip([dir('bin'), packages.program(BUSYBOX, 'bin/busybox'), text('version', `${tag}\n`)])];
    return image(['pause'], [tag], layers, { Entrypoint: ['/bin/busybox', 'sleep', 'infinity'] });
  });
}

function users(base: Layer): readonly Recipe[] {
  const names = { uid: '1002', username: 'www-data', 'uid-group': '1003:1004', 'username-group': 'www-data:1004' };
  const group = [base, gzip(predefinedGroup())];
  return [
    ...Object.entries(names).map(([name, User]) => {
      return image([`${CRITEST}/test-image-user-${name}`], ['latest'], [base], { Env: [PATH], Cmd: ['sh'], User });
    }),
    image([`${CRITEST}/test-image-predefined-group`], ['latest'], group, { Env: [PATH], Cmd: ['sh'], User: '1000' }),
  ];
}

/** Images that differ in one file, under tags that share an image and tags that do not. */
function references(base: Layer, shell: RunConfig): readonly Recipe[] {
  const holding = (name: string): readonly Layer[] => [base, gzip([text(name, '')])];
  const single = ['test-image-1', 'test-image-2', 'test-image-3', 'test-image-latest', 'test-image-digest'];
  return [
    ...single.map((name) => image([`${CRITEST}/${name}`], ['latest'], holding(name), shell)),
    image([`${CRITEST}/test-image-tags`], ['1', '2', '3'], holding('same-image'), shell),
    ...['test', 'all'].map((tag) => image([`${CRITEST}/test-image-tag`], [tag], holding(tag), shell)),
  ];
}

/** Images of ours whose config or layers have shapes that the others lack. */
function shapes(base: Layer, system: readonly Entry[]): readonly Recipe[] {
  const many = Array.from({ length: MANY_LAYERS }, (_, place) => gzip([text(`layer-${place}`, `${place}\n`)]));
  return [
    image(['davit/config'], ['latest'], [base], {
      Env: [PATH, 'FROM_IMAGE=yes'],
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: ['echo "$FROM_IMAGE in $(pwd)"; exec sleep infinity'],
      WorkingDir: '/work',
      User: 'www-data',
      Volumes: { '/data': {} },
      StopSignal: 'SIGINT',
      Labels: { 'davit.example/kind': 'test' },
    }),
    image(['davit/volumes'], ['latest'], [base, gzip(volumes())], {
      Env: [PATH],
      Cmd: ['sh'],
      Volumes: { '/data': {}, '/new/place': {}, '/../../../../srv': {}, '/linked': {} },
    }),
    image(['davit/uncompressed'], ['latest'], [packLayer(system, 'none')], { Env: [PATH], Cmd: ['sh'] }),
    image(['davit/layers'], ['latest'], [base, ...many], { Env: [PATH], Cmd: ['sh'] }),
  ];
}

/** Contents for declared volumes, and links that would lead a careless copy out of the image. */
function volumes(): readonly Entry[] {
  return [
    dir('data', 0o1770),
    dir('data/sub', 0o700),
    text('data/sub/file', 'from the image\n', 0o640),
    { type: 'symlink', path: 'data/link', target: '/etc/passwd' },
    dir('srv'),
    text('srv/inside', "the image's own\n"),
    { type: 'symlink', path: 'linked', target: '../../../../../../../../srv' },
    { type: 'symlink', path: 'out', target: '/../../../../../../etc' },
  ];
}

function image(
  repositories: readonly string[],
  tags: readonly string[],
  layers: readonly Layer[],
  config: RunConfig,
  form: Form = 'oci',
): Recipe {
  return { repositories, tags, layers, config, form };
}

function gzip(entries: readonly Entry[]): Layer {
  return packLayer(entries, 'gzip');
}

function zstd(entries: readonly Entry[]): Layer {
  return packLayer(entries, 'zstd');
}
