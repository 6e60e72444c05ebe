import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, processesOf } from './daemon.ts';
import { BUSYBOX, CRICTL_PATIENCE, eventually, nodeEnv } from './node.ts';
import { bridgeOf, subnetOf } from './own-network.ts';
import { must, run } from './run.ts';
import type { Ran } from './run.ts';

/** The image of the first container of each pod of containerd's own CRI. */
const PAUSE = 'registry.k8s.io/pause:3.10';
/** Of the 256 networks that tests have. */
const NETWORK = 33;

/** A containerd with its own CRI plugin on, as it serves a kubelet of its own: davit is one of its clients. */
export class SharedContainerd implements AsyncDisposable {
  readonly dir: string;
  readonly #config: string;
  #pid = 0;

  private constructor(dir: string, config: string) {
    this.dir = dir;
    this.#config = config;
  }

  static async start(): Promise<SharedContainerd> {
    const dir = await mkdtemp('/run/dvs');
    const containerd = new SharedContainerd(dir, join(dir, 'config.toml'));
    await mkdir(join(dir, 'net.d'));
    await writeFile(join(dir, 'net.d', '10-own.conflist'), network(dir));
    const version = await must('containerd', ['--version'], nodeEnv());
    await writeFile(containerd.#config, / v?1\./.test(version) ? configOf1(dir) : configOf2(dir));
    await containerd.#start();
    return containerd;
  }

  get address(): string {
    return join(this.dir, 'c.sock');
  }

  /** crictl against containerd's own CRI. */
  async crictl(...args: readonly string[]): Promise<string> {
    return await must('crictl', [...this.#endpoints, ...args], nodeEnv());
  }

  async ctr(...args: readonly string[]): Promise<string> {
    return await must('ctr', ['--address', this.address, ...args], nodeEnv());
  }

  /** What hangs on the bridge of its network. */
  async links(): Promise<readonly string[]> {
    return await readdir(`/sys/class/net/${bridgeOf(NETWORK)}/brif`).catch(() => []);
  }

  /** Addresses that its network has given out. */
  async addresses(): Promise<readonly string[]> {
    const names = await readdir(join(this.dir, 'addresses', bridgeOf(NETWORK))).catch(() => []);
    return names.filter((name) => /^\d+\./.test(name));
  }

  /** A pod with a running container; their ids. */
  async runPod(name: string): Promise<readonly [pod: string, container: string]> {
    const [pod, container] = [join(this.dir, 'pod.json'), join(this.dir, 'container.json')];
    const metadata = { name, uid: `uid-${name}`, namespace: 'default', attempt: 0 };
    await writeFile(pod, JSON.stringify({ metadata, log_directory: join(this.dir, 'logs'), linux: {} }));
    const command = ['sleep', '1000'];
    const image = { image: BUSYBOX };
    await writeFile(container, JSON.stringify({ metadata: { name }, image, command, log_path: 'c.log', linux: {} }));
    await this.crictl('pull', BUSYBOX);
    const podId = await this.crictl('runp', pod);
    const id = await this.crictl('create', podId, container, pod);
    await this.crictl('start', id);
    return [podId, id];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run('rmp', '--all', '--force');
    for (const pid of [this.#pid, ...(await processesOf(this.dir))]) endIfAlive(pid);
    await eventually("the end of all of containerd's processes", async () =>
      (await processesOf(this.dir)).length === 0 && !(await isAlive(this.#pid)) ? true : undefined,
    );
    await run('ip', ['link', 'delete', bridgeOf(NETWORK)]);
    await rm(this.dir, { recursive: true });
  }

  get #endpoints(): readonly string[] {
    const endpoint = `unix://${this.address}`;
    return [...CRICTL_PATIENCE, '--runtime-endpoint', endpoint, '--image-endpoint', endpoint];
  }

  async #run(...args: readonly string[]): Promise<Ran> {
    return await run('crictl', [...this.#endpoints, ...args], nodeEnv());
  }

  async #start(): Promise<void> {
    await using log = await open(join(this.dir, 'containerd.log'), 'a');
    const child = spawn('containerd', ['--config', this.#config], {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: nodeEnv(),
    });
    child.unref();
    this.#pid = child.pid ?? 0;
    await eventually("containerd's own CRI with a network", async () => {
      const { code, stdout } = await this.#run('info');
      if (code !== 0) return undefined;
      const { status } = JSON.parse(stdout) as { status: { conditions: { status: boolean; type: string }[] } };
      const isReady = (type: string): boolean => status.conditions.some((each) => each.type === type && each.status);
      return isReady('RuntimeReady') && isReady('NetworkReady') ? true : undefined;
    });
  }
}

function endIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // it has ended by itself
  }
}

function certs(): string {
  return `/run/davit-${nodeEnv()['DAVIT_NODE']}/certs.d`;
}

function network(dir: string): string {
  const bridge = bridgeOf(NETWORK);
  const ranges = [[{ subnet: subnetOf(NETWORK) }]];
  const ipam = { type: 'host-local', dataDir: join(dir, 'addresses'), ranges, routes: [{ dst: '0.0.0.0/0' }] };
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: bridge,
    plugins: [{ type: 'bridge', bridge, isGateway: true, ipam }],
  });
}

function configOf1(dir: string): string {
  return `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "${dir}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "${certs()}"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${dir}/net.d"
`;
}

/** Off is what two containerds on one machine cannot both have: NRI's socket and /opt/containerd. */
function configOf2(dir: string): string {
  return `version = 3
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "${dir}/c.sock"
[plugins.'io.containerd.nri.v1.nri']
  disable = true
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "${PAUSE}"
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "${certs()}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "${dir}/net.d"
`;
}
