import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareSocketPath } from './socket.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dvc'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

function listen(path: string): Promise<Server> {
  const { promise, resolve } = Promise.withResolvers<Server>();
  const server = createServer().listen(path, () => resolve(server));
  return promise;
}

/** What a process leaves behind that is killed while it listens. */
function leaveDeadSocket(path: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
}

describe('prepareSocketPath()', () => {
  it('makes the directory, which others may pass but not list', async () => {
    await prepareSocketPath(join(directory, 'run', 'davit.sock'));
    expect((await stat(join(directory, 'run'))).mode & 0o777).toBe(0o711);
  });

  it('removes the socket of a process that has died', async () => {
    const path = join(directory, 's');
    leaveDeadSocket(path);
    expect((await stat(path)).isSocket()).toBe(true);
    await prepareSocketPath(path);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it('leaves alone what another process serves', async () => {
    const path = join(directory, 's');
    const server = await listen(path);
    try {
      await expect(prepareSocketPath(path)).rejects.toThrow('another process serves it');
      expect((await stat(path)).isSocket()).toBe(true);
    } finally {
      server.close();
    }
  });

  it('leaves alone what is not a socket', async () => {
    const path = join(directory, 's');
    await writeFile(path, 'x');
    await expect(prepareSocketPath(path)).rejects.toThrow('something else is there');
  });

  it('refuses a path that the kernel would cut', async () => {
    await expect(prepareSocketPath(`/${'x'.repeat(107)}`)).rejects.toThrow('longer than 107 bytes');
  });
});
