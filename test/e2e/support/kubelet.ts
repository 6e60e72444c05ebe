import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { nodeEnv } from './node.ts';
import { must, run } from './run.ts';

const HACK_KUBELET = fileURLToPath(new URL('../../../hack/kubelet', import.meta.url));
const SYSCTLS = ['vm/overcommit_memory', 'kernel/panic', 'kernel/panic_on_oops'];
const FOLDERS = ['/var/lib/kubelet', '/usr/libexec/kubernetes', '/var/log/containers', '/var/log/pods'];

/** A pod as the kubelet's own API shows it. */
export interface KubeletPod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly KubeletContainer[];
    readonly initContainerStatuses?: readonly KubeletContainer[];
  };
}

export interface KubeletContainer {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly state: { readonly terminated?: { readonly reason: string; readonly exitCode: number } };
}

interface Usage {
  readonly cpu: { readonly usageNanoCores?: number; readonly usageCoreNanoSeconds: number };
  readonly memory: { readonly workingSetBytes: number; readonly availableBytes?: number };
  readonly swap?: { readonly swapUsageBytes: number };
}

interface ContainerSummary extends Usage {
  readonly name: string;
  readonly rootfs: { readonly usedBytes?: number };
  readonly logs: { readonly usedBytes?: number };
}

/** A pod of `/stats/summary`. */
export interface PodSummary extends Usage {
  readonly podRef: { readonly name: string };
  readonly containers: readonly ContainerSummary[];
  readonly network?: { readonly name: string; readonly rxBytes: number; readonly txBytes: number };
  readonly process_stats?: { readonly process_count: number };
}

/** A real kubelet on the node's davitd, with the static pod of hack/kubelet. */
export class Kubelet {
  readonly #env: Readonly<Record<string, string>>;

  private constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  static async start(stats: 'cri' | 'cadvisor', ...flags: readonly '--events'[]): Promise<Kubelet> {
    await must(HACK_KUBELET, ['up', '--stats', stats, ...flags], nodeEnv());
    const lines = await must(HACK_KUBELET, ['env'], nodeEnv());
    const found = [...lines.matchAll(/^export (\w+)=(.*)$/gm)];
    return new Kubelet(Object.fromEntries(found.map(([, name, value]) => [name ?? '', value ?? ''])));
  }

  /** Ends it and undoes its traces; fine where none came up. */
  static async down(): Promise<void> {
    await must(HACK_KUBELET, ['down'], nodeEnv());
  }

  get manifests(): string {
    return this.#env['KUBELET_MANIFESTS'] ?? '';
  }

  /** The port of the node that leads to the pod's web server. */
  get hostPort(): string {
    return this.#env['KUBELET_HOST_PORT'] ?? '';
  }

  async pods(): Promise<readonly KubeletPod[]> {
    return (JSON.parse(await this.#get('/pods')) as { items: readonly KubeletPod[] | null }).items ?? [];
  }

  async summary(): Promise<readonly PodSummary[]> {
    return (JSON.parse(await this.#get('/stats/summary')) as { pods: readonly PodSummary[] | null }).pods ?? [];
  }

  /** Lines of a page of metrics that name the pod. */
  async metrics(pod: string): Promise<readonly string[]> {
    return (await this.#get('/metrics/cadvisor')).split('\n').filter((line) => line.includes(`pod="${pod}`));
  }

  /** The value of one of its own metrics, without labels. */
  async own(name: string): Promise<number> {
    const line = (await this.#get('/metrics')).split('\n').find((each) => each.startsWith(`${name} `));
    if (line === undefined) throw new Error(`the kubelet has no metric ${name}`);
    return Number(line.slice(name.length));
  }

  /** Warnings and errors of its log that are not known to be harmless. */
  async complaints(): Promise<string> {
    return (await run(HACK_KUBELET, ['complaints'], nodeEnv())).stdout;
  }

  /** Its certificate is its own. */
  async #get(path: string): Promise<string> {
    return await must('curl', ['-skf', `${this.#env['KUBELET_URL']}${path}`]);
  }
}

/** What a kubelet changes on a machine outside of its own folder; each line names one thing. */
export async function kubeletTraces(): Promise<readonly string[]> {
  const sysctls = SYSCTLS.map(async (name) => `${name} = ${(await readFile(`/proc/sys/${name}`, 'utf8')).trim()}`);
  const found = ['find', '/sys/fs/cgroup', '-maxdepth', '3', '-name', 'kubepods*'];
  const commands = [found, ['ls', '-d', ...FOLDERS], ['iptables-save'], ['ip6tables-save']];
  const outputs = commands.map(async ([file = '', ...args]) => (await run(file, args)).stdout.split('\n'));
  const lines = (await Promise.all(outputs)).flat().filter((line) => /kubepods|KUBE|^\/(var|usr)/.test(line));
  return [...(await Promise.all(sysctls)), ...lines];
}
