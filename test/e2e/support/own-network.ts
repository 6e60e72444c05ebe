import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeEnv } from './node.ts';
import { must, run } from './run.ts';

/** Where plugins are on the machines that these tests run on. */
const PLUGIN_DIRS = '/opt/cni/bin:/usr/lib/cni';

/** 10.220.0.0 to 10.249.255.255 are the tests'. */
const FIRST_OCTET = 220;
const OCTETS = 30;

/** A bridge with addresses of its own, so that what is left in it can be counted; disposal removes it. */
export class OwnNetwork implements AsyncDisposable {
  readonly bridge: string;
  readonly dir: string;
  readonly #subnet: string;

  /** `number` (0 to 255) keeps networks that a node has at the same time apart. */
  constructor(dir: string, number: number) {
    this.dir = join(dir, 'cni');
    this.bridge = bridgeOf(number);
    this.#subnet = subnetOf(number);
  }

  /** For davitd; plugins of the test's own are looked for in `bin` first. */
  get flags(): readonly string[] {
    return ['--cni-conf-dir', join(this.dir, 'net.d'), '--cni-bin-dir', `${join(this.dir, 'bin')}:${PLUGIN_DIRS}`];
  }

  /** `more` plugins come after the bridge. */
  async write(more: readonly object[] = []): Promise<void> {
    await mkdir(join(this.dir, 'net.d'), { recursive: true });
    await mkdir(join(this.dir, 'bin'), { recursive: true });
    const bridge = {
      type: 'bridge',
      bridge: this.bridge,
      isGateway: true,
      ipMasq: true,
      ipam: {
        type: 'host-local',
        dataDir: join(this.dir, 'addresses'),
        ranges: [[{ subnet: this.#subnet }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    };
    const portmap = { type: 'portmap', capabilities: { portMappings: true } };
    const list = { cniVersion: '1.0.0', name: this.bridge, plugins: [bridge, portmap, ...more] };
    const path = join(this.dir, 'net.d', '10-test.conflist');
    await writeFile(`${path}.new`, JSON.stringify(list));
    await must('mv', [`${path}.new`, path]);
  }

  /** A plugin of the test's own, a shell script. */
  async writePlugin(name: string, script: string): Promise<void> {
    await mkdir(join(this.dir, 'bin'), { recursive: true });
    await writeFile(join(this.dir, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** Where its addresses are held. */
  get addresses(): string {
    return join(this.dir, 'addresses', this.bridge);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('ip', ['link', 'delete', this.bridge]);
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** The name of a bridge that other nodes of the machine have not. */
export function bridgeOf(number: number): string {
  return `dvt${number}-${hashOfNode().toString('hex').slice(0, 6)}`;
}

export function subnetOf(number: number): string {
  return `10.${FIRST_OCTET + (hashOfNode().readUInt32LE() % OCTETS)}.${number}.0/24`;
}

function hashOfNode(): Buffer {
  return createHash('sha256')
    .update(nodeEnv()['DAVIT_NODE'] ?? '')
    .digest();
}
