import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, rmdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { must } from './run.ts';

/**
 * A file system whose server never answers, as of a network that is gone: whoever looks at it hangs. Disposal ends all
 * who do, and removes it.
 */
export class DeadMount implements AsyncDisposable {
  readonly path: string;
  readonly #device: FileHandle;

  private constructor(path: string, device: FileHandle) {
    this.path = path;
    this.#device = device;
  }

  static async make(path: string): Promise<DeadMount> {
    await mkdir(path);
    // The connection is this process's, which never reads a request from it.
    const device = await open('/dev/fuse', 'r+');
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
    const child = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'dead', path], {
      stdio: ['ignore', 'inherit', 'inherit', device.fd],
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code === 0) return new DeadMount(path, device);
    await device.close();
    throw new Error(`mount of a dead file system: exit code ${code}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#device.close(); // whoever hangs gets ENOTCONN now
    await must('umount', ['-l', this.path]);
    await rmdir(this.path);
  }
}
