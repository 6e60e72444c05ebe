import { existsSync } from 'node:fs';
import { rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HIT_SUFFIX } from '../../../src/engine/fault-file.ts';
import type { Fault } from '../../../src/engine/fault-file.ts';
import { connectCri } from './cri-client.ts';
import type { CriClient } from './cri-client.ts';
import { Daemon } from './daemon.ts';
import { eventually, nodeEnv } from './node.ts';
import { footprintOf } from './own-footprint.ts';
import { OwnNetwork } from './own-network.ts';
import { must, run } from './run.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Below the tree's node_modules: the bundles find koffi there. */
const DIST = join(ROOT, 'node_modules/.cache/davit-faults/');
/** Of the 256 networks that tests have. */
const NETWORK = 31;
const NAMESPACE = 'davit-faults';

/** A davitd that is built with fault points, on the node's containerd, with all that pods leave in places of its own. */
export class FaultNode implements AsyncDisposable {
  readonly namespace = NAMESPACE;
  readonly cgroupParent = `/davit-faults-${nodeEnv()['DAVIT_NODE']}`;
  readonly daemon: Daemon;
  readonly network: OwnNetwork;
  readonly runtime: CriClient;
  readonly images: CriClient;
  readonly #work: string;

  private constructor(work: string, network: OwnNetwork, daemon: Daemon) {
    this.#work = work;
    this.network = network;
    this.daemon = daemon;
    this.runtime = connectCri({ address: daemon.endpoint });
    this.images = connectCri({ address: daemon.endpoint, service: 'ImageService' });
  }

  static async start(): Promise<FaultNode> {
    await must(process.execPath, [join(ROOT, 'hack/build.ts'), '--faults', '--out', DIST]);
    const work = await must('mktemp', ['-d', '/run/dvfXXXXXX']);
    const network = new OwnNetwork(work, NETWORK);
    await network.write();
    const { CONTAINERD_ADDRESS: containerd = '', DAVIT_NODE: name = '' } = nodeEnv();
    const on = ['--containerd-address', containerd, '--containerd-namespace', NAMESPACE];
    const flags = [...on, '--registry-config-path', `/run/davit-${name}/certs.d`, ...network.flags];
    const env = { DAVIT_FAULT_FILE: join(work, 'fault') };
    return new FaultNode(work, network, await Daemon.start(flags, { dist: DIST, env }));
  }

  /** Plans a fault, which happens once. */
  async arm(fault: Fault): Promise<void> {
    await rm(this.#hit, { force: true });
    await writeFile(`${this.#plan}.new`, JSON.stringify(fault));
    await must('mv', [`${this.#plan}.new`, this.#plan]);
  }

  /** Returns once the fault has happened. */
  async happened({ op, step, moment }: Fault): Promise<void> {
    await eventually(`the fault ${moment} ${op} ${step}`, async () => (existsSync(this.#hit) ? true : undefined));
  }

  async disarm(): Promise<void> {
    await rm(this.#plan, { force: true });
  }

  /** davitd has ended, by the fault; starts it again. */
  async revive(): Promise<void> {
    await this.daemon.ended();
    await this.daemon.start();
  }

  async footprint(): Promise<readonly string[]> {
    return await footprintOf(this);
  }

  async removePods(): Promise<void> {
    const { items } = await this.runtime.call<{ items: { id: string }[] }>('ListPodSandbox', {});
    for (const { id } of items) await this.runtime.call('RemovePodSandbox', { podSandboxId: id });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disarm();
    this.runtime[Symbol.dispose]();
    this.images[Symbol.dispose]();
    await this.daemon[Symbol.asyncDispose]();
    await this.network[Symbol.asyncDispose]();
    await rm(this.#work, { recursive: true, force: true });
    const { stdout } = await run('find', ['/sys/fs/cgroup', '-type', 'd', '-path', `*${this.cgroupParent}`]);
    for (const cgroup of stdout.split('\n')) if (cgroup !== '') await rmdir(cgroup);
    await wipeNamespace();
  }

  get #plan(): string {
    return join(this.#work, 'fault');
  }

  get #hit(): string {
    return `${this.#plan}${HIT_SUFFIX}`;
  }
}

/** Images stay otherwise, until the node's containerd is gone. */
async function wipeNamespace(): Promise<void> {
  const ctr = ['--namespace', NAMESPACE];
  const images = await must('ctr', [...ctr, 'images', 'ls', '-q'], nodeEnv());
  if (images !== '') await must('ctr', [...ctr, 'images', 'rm', '--sync', ...images.split('\n')], nodeEnv());
  await run('ctr', ['namespaces', 'rm', NAMESPACE], nodeEnv());
}
