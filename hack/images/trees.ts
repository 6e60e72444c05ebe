import { Buffer } from 'node:buffer';
import { BUSYBOX, SHELL } from './packages.ts';
import type { Packages } from './packages.ts';
import type { Entry } from './tar.ts';

const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`;
const GROUP = `root:x:0:
daemon:x:1:
www-data:x:33:
nogroup:x:65534:
`;

const NGINX_CONF = `worker_processes 1;
pid /var/run/nginx.pid;
events { worker_connections 256; }
http {
  default_type text/html;
  server_tokens off;
  access_log /var/log/nginx/access.log;
  include /etc/nginx/conf.d/*.conf;
}
`;

export function dir(path: string, mode = 0o755): Entry {
  return { type: 'dir', path, mode };
}

export function text(path: string, content: string, mode = 0o644): Entry {
  return { type: 'file', path, mode, content: Buffer.from(content) };
}

/** What stands in a layer for a file that the layer removes. */
export function whiteout(path: string): Entry {
  const cut = path.lastIndexOf('/') + 1;
  return text(`${path.slice(0, cut)}.wh.${path.slice(cut)}`, '', 0o000);
}

/**
 * A small system: busybox for most commands, each a file of its own as far as mounts can tell; pgrep and ipcs, which
 * Debian's busybox lacks, from procps and util-linux; as the shell the busybox whose commands are not built in, because
 * no test could see, signal or mask a `sleep` or an `ls` that runs inside the shell.
 */
export function smallSystem(packages: Packages): readonly Entry[] {
  const applets = packages.busyboxApplets().filter((name) => !['sh', 'busybox', 'linuxrc'].includes(name));
  return [
    ...['bin', 'dev', 'etc', 'home', 'lib', 'proc', 'sys', 'usr', 'usr/bin', 'usr/sbin'].map((path) => dir(path)),
    ...['var', 'var/log', 'var/run', 'var/www'].map((path) => dir(path)),
    dir('root', 0o700),
    dir('tmp', 0o1777),
    text('etc/passwd', PASSWD),
    text('etc/group', GROUP),
    text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    ...packages.libraries([SHELL, 'usr/bin/pgrep', 'usr/bin/ipcs']),
    packages.program(SHELL, 'bin/sh'),
    packages.program('usr/bin/pgrep', 'usr/bin/pgrep'),
    packages.program('usr/bin/ipcs', 'usr/bin/ipcs'),
    packages.program(BUSYBOX, 'bin/busybox'),
    ...applets.map((name): Entry => ({ type: 'hardlink', path: `bin/${name}`, target: 'bin/busybox' })),
  ];
}

/** nginx on the given port, its logs on the container's stdout and stderr. */
export function nginx(packages: Packages, port: number): readonly Entry[] {
  const server = `server { listen ${port}; location / { root /usr/share/nginx/html; index index.html; } }\n`;
  return [
    ...packages.libraries(['usr/sbin/nginx']),
    packages.program('usr/sbin/nginx', 'usr/sbin/nginx'),
    ...['etc/nginx', 'etc/nginx/conf.d', 'usr/share', 'usr/share/nginx', 'usr/share/nginx/html'].map((path) =>
      dir(path),
    ),
    ...['var/lib', 'var/lib/nginx', 'var/log/nginx'].map((path) => dir(path)),
    { type: 'symlink', path: 'var/log/nginx/access.log', target: '/dev/stdout' },
    { type: 'symlink', path: 'var/log/nginx/error.log', target: '/dev/stderr' },
    text('etc/nginx/nginx.conf', NGINX_CONF),
    text('etc/nginx/conf.d/default.conf', server),
    text('usr/share/nginx/html/index.html', '<h1>Welcome to nginx on davit</h1>\n'),
  ];
}

/** A setuid root program that prints the effective user id of whoever starts it. */
export function setuidId(packages: Packages): readonly Entry[] {
  return [...packages.libraries(['usr/bin/id']), packages.program('usr/bin/id', 'bin/effective', 0o4755)];
}

/** A user and a group of the image, the one a member of the other. */
export function predefinedGroup(): readonly Entry[] {
  return [
    text('etc/passwd', `${PASSWD}default-user:x:1000:1000::/home/default-user:/bin/sh\n`),
    text('etc/group', `${GROUP}default-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n`),
    dir('home/default-user'),
  ];
}
