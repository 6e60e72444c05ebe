import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A CNI network whose only plugin is a script: it makes nothing, and tells what it was asked for. */
export class ScriptedNetwork {
  /** For davitd. */
  readonly flags: readonly string[];
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
    this.flags = ['--cni-conf-dir', join(dir, 'net.d'), '--cni-bin-dir', join(dir, 'bin')];
  }

  /** In a folder of its own below `parent`. */
  static async create(parent: string): Promise<ScriptedNetwork> {
    const dir = join(parent, 'cni');
    await mkdir(join(dir, 'net.d'), { recursive: true });
    await mkdir(join(dir, 'bin'));
    const network = { cniVersion: '1.0.0', name: 'scripted', plugins: [{ type: 'scripted' }] };
    await writeFile(join(dir, 'net.d', '10-scripted.conflist'), JSON.stringify(network));
    await writeFile(join(dir, 'bin', 'scripted'), plugin(dir));
    await chmod(join(dir, 'bin', 'scripted'), 0o755);
    return new ScriptedNetwork(dir);
  }

  /** From here on ADD waits until `letGo`. */
  async hold(): Promise<void> {
    await writeFile(join(this.#dir, 'hold'), '');
  }

  async letGo(): Promise<void> {
    await rm(join(this.#dir, 'hold'));
  }

  async removeConfiguration(): Promise<void> {
    await rm(join(this.#dir, 'net.d'), { recursive: true });
  }

  /** How often it was asked to ADD, DEL, … */
  async asked(command: string): Promise<number> {
    const commands = (await readFile(join(this.#dir, 'asked'), 'utf8')).split('\n');
    return commands.filter((line) => line === command).length;
  }
}

function plugin(dir: string): string {
  const versions = { cniVersion: '1.0.0', supportedVersions: ['1.0.0'] };
  const result = { cniVersion: '1.0.0', interfaces: [], ips: [{ address: '192.0.2.7/24' }] };
  return `#!/bin/sh
echo $CNI_COMMAND >> ${dir}/asked
case $CNI_COMMAND in
VERSION) echo '${JSON.stringify(versions)}' ;;
ADD) while [ -e ${dir}/hold ]; do sleep 0.1; done; echo '${JSON.stringify(result)}' ;;
esac
`;
}
