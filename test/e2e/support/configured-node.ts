import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectCri } from './cri-client.ts';
import type { CriClient } from './cri-client.ts';
import { Daemon } from './daemon.ts';
import { nodeEnv, parseLog } from './node.ts';
import { ScriptedNetwork } from './scripted-network.ts';

/** What is in a pod, in the proto's shape. */
export interface PodContents {
  /** A shell's, whose stderr is among its stdout. */
  readonly script: string;
  /** Of pod and container. */
  readonly security?: object;
  readonly handler?: string;
  /** More of the pod's configuration, and of the container's. */
  readonly sandbox?: object;
  readonly container?: object;
}

export interface StartedContainer {
  readonly podSandboxId: string;
  readonly containerId: string;
}

/** A davitd of the test's own with a configuration file, on the node's containerd. */
export class ConfiguredNode implements AsyncDisposable {
  readonly dir: string;
  readonly daemon: Daemon;
  readonly cri: CriClient;
  readonly #image: string;

  private constructor(dir: string, daemon: Daemon, image: string) {
    this.dir = dir;
    this.daemon = daemon;
    this.cri = connectCri({ address: daemon.endpoint });
    this.#image = image;
  }

  /** `config` may name files beside itself by `$DIR`; `files` are their texts by their names. */
  static async start(
    config: string,
    image: string,
    files: Readonly<Record<string, string>> = {},
  ): Promise<ConfiguredNode> {
    const dir = await mkdtemp('/run/dvd');
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
    await writeFile(join(dir, 'config.toml'), config.replaceAll('$DIR', dir));
    const network = await ScriptedNetwork.create(dir);
    const daemon = await Daemon.start([
      '--config',
      join(dir, 'config.toml'),
      '--containerd-address',
      nodeEnv()['CONTAINERD_ADDRESS'] ?? '',
      '--containerd-namespace',
      `davit-${dir.slice('/run/'.length)}`,
      '--registry-config-path',
      `/run/davit-${nodeEnv()['DAVIT_NODE']}/certs.d`,
      ...network.flags,
    ]);
    const node = new ConfiguredNode(dir, daemon, image);
    await daemon.mustCrictl('pull', image);
    return node;
  }

  /** What a script says in a container of a pod of its own, both of which are gone then. */
  async output(name: string, contents: PodContents): Promise<readonly string[]> {
    const { podSandboxId, containerId } = await this.begin(name, contents);
    await this.cri.exited(containerId);
    await this.cri.call('RemovePodSandbox', { podSandboxId });
    return parseLog(await readFile(join(this.dir, name, 'main.log'), 'utf8')).map((line) => line.text);
  }

  /** As `output`, and leaves it running. */
  async begin(name: string, contents: PodContents): Promise<StartedContainer> {
    const { podSandboxId } = await this.cri.call<{ podSandboxId: string }>('RunPodSandbox', {
      config: {
        metadata: { name, uid: `u-${name}`, namespace: 'default' },
        logDirectory: join(this.dir, name),
        linux: { securityContext: contents.security ?? {} },
        ...contents.sandbox,
      },
      runtimeHandler: contents.handler ?? '',
    });
    const { containerId } = await this.cri.call<{ containerId: string }>('CreateContainer', {
      podSandboxId,
      config: {
        metadata: { name: 'main' },
        image: { image: this.#image },
        command: ['sh', '-c', `exec 2>&1; ${contents.script}`],
        logPath: 'main.log',
        linux: { securityContext: contents.security ?? {} },
        ...contents.container,
      },
    });
    await this.cri.startContainer(containerId);
    return { podSandboxId, containerId };
  }

  async exec(containerId: string, script: string): Promise<string> {
    const { stdout } = await this.cri.call<{ stdout: Buffer }>('ExecSync', { containerId, cmd: ['sh', '-c', script] });
    return stdout.toString('utf8').trimEnd();
  }

  /** The daemon's own log. */
  async log(): Promise<string> {
    return await readFile(join(this.daemon.dir, 'davitd.log'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cri[Symbol.dispose]();
    await this.daemon[Symbol.asyncDispose]();
    await rm(this.dir, { recursive: true });
  }
}
