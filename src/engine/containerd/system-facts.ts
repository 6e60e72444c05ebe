import { accessSync, constants, existsSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';

/** Where the system's containerd listens unless told otherwise. */
export const SYSTEM_ADDRESS = '/run/containerd/containerd.sock';

/** How long a socket may take to accept a connection, in ms. */
const CONNECT_TIMEOUT_MS = 1_000;
const SYSTEMD_RUNS = '/run/systemd/system';
const UNIT_DIRS = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
const MASKED = '/dev/null';
const PROGRAM_DIRS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Whether systemd runs here and has a unit for containerd, so that it is or will be started. */
export function systemServiceInstalled(): boolean {
  if (!existsSync(SYSTEMD_RUNS)) return false;
  const unit = UNIT_DIRS.map((dir) => join(dir, 'containerd.service')).find((path) => isLink(path) || existsSync(path));
  return unit !== undefined && linkTarget(unit) !== MASKED;
}

/** Whether somebody accepts connections at a unix socket. */
export function socketAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => finish(false));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}

/** The folders of PATH, then the usual ones: what a program of ours should find programs in. */
export function programPath(): string {
  const own = (process.env['PATH'] ?? '').split(delimiter).filter((dir) => dir.startsWith('/'));
  return [...new Set([...own, ...PROGRAM_DIRS])].join(delimiter);
}

/** Absolute path of a program; undefined when there is none. */
export function findProgram(name: string): string | undefined {
  return programPath()
    .split(delimiter)
    .map((dir) => join(dir, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isLink(path: string): boolean {
  return linkTarget(path) !== undefined;
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
