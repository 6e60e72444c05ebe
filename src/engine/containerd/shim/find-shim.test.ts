import { mkdtempDisposableSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findShim } from './find-shim.ts';

const SOCKET = '/run/containerd/s/0123';

/** A /proc with one task's process and its shim, whose first task's bundle is gone; and the task's bundle. */
function machine(files: Readonly<Record<string, string>>) {
  const dir = mkdtempDisposableSync(join(tmpdir(), 'davit-shim-'));
  const proc = join(dir.path, 'proc');
  for (const folder of ['proc/7', 'proc/40', 'bundles/task']) mkdirSync(join(dir.path, folder), { recursive: true });
  writeFileSync(join(proc, '40', 'stat'), '40 (a (weird) name) S 7 40 40 0');
  symlinkSync(join(dir.path, 'bundles', 'first (deleted)'), join(proc, '7', 'cwd'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir.path, 'bundles', 'task', name), text);
  return { find: (pid = 40) => findShim(pid, 'task', proc), [Symbol.dispose]: () => dir.remove() };
}

const bootstrap = (more: object = {}): string =>
  JSON.stringify({ version: 3, address: `unix://${SOCKET}`, protocol: 'ttrpc', ...more });

describe('findShim()', () => {
  it('reads the address of containerd 1.6', () => {
    using node = machine({ 'init.pid': '40', address: `unix://${SOCKET}` });
    expect(node.find()).toEqual({ path: SOCKET, version: 2 });
  });

  it('reads the bootstrap file of containerd 2.x', () => {
    using node = machine({ 'init.pid': '40', 'bootstrap.json': bootstrap() });
    expect(node.find()).toEqual({ path: SOCKET, version: 3 });
  });

  it('prefers the newer file where both are', () => {
    const both = { 'init.pid': '40', address: 'unix:///old', 'bootstrap.json': bootstrap({ version: 2 }) };
    using node = machine(both);
    expect(node.find()).toEqual({ path: SOCKET, version: 2 });
  });

  it.each([
    ['speaks gRPC', { 'init.pid': '40', 'bootstrap.json': bootstrap({ protocol: 'grpc' }) }],
    ['listens elsewhere', { 'init.pid': '40', 'bootstrap.json': bootstrap({ address: 'vsock://3:1' }) }],
    ['is of a version to come', { 'init.pid': '40', 'bootstrap.json': bootstrap({ version: 4 }) }],
    ['left no address', { 'init.pid': '40' }],
    ['left half a file', { 'init.pid': '40', 'bootstrap.json': '{"version":3,' }],
    ['started another process', { 'init.pid': '41', 'bootstrap.json': bootstrap() }],
  ])('finds none that %s', (_what, files) => {
    using node = machine(files);
    expect(node.find()).toBeUndefined();
  });

  it('finds none of a process that is not there', () => {
    using node = machine({ 'init.pid': '99', 'bootstrap.json': bootstrap() });
    expect(node.find(99)).toBeUndefined();
  });
});
