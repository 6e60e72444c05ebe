import { ContainerState, RuntimeService, type Container, type PodSandbox } from '../../cri/generated/cri.js';
import { printJson, type Call, type Command } from '../command.ts';
import { age, shortId } from '../format.ts';
import { renderTable } from '../table.ts';
import { toJson } from '../to-json.ts';
import { LABEL_OPTION, QUIET_OPTION } from './shared.ts';

const STATES: Readonly<Record<ContainerState, string>> = {
  [ContainerState.CONTAINER_CREATED]: 'Created',
  [ContainerState.CONTAINER_RUNNING]: 'Running',
  [ContainerState.CONTAINER_EXITED]: 'Exited',
  [ContainerState.CONTAINER_UNKNOWN]: 'Unknown',
};

export const ps: Command = {
  name: 'ps',
  words: [],
  doc: 'List running containers.',
  options: {
    all: { type: 'boolean', short: 'a', doc: 'Containers that do not run too.' },
    quiet: QUIET_OPTION,
    pod: { type: 'string', value: 'ID', doc: 'Only those of this pod.' },
    label: LABEL_OPTION,
  },
  async run(call) {
    const state = call.options.flag('all') ? null : { state: ContainerState.CONTAINER_RUNNING };
    const podSandboxId = call.options.text('pod') ?? '';
    const filter = { state, podSandboxId, labelSelector: call.options.pairs('label') };
    const reply = await call.client.call(RuntimeService.listContainers, { filter }, call.timeoutMs);
    if (call.json) printJson(call, toJson(reply));
    else if (call.options.flag('quiet')) call.stdout.write(reply.containers.map((each) => `${each.id}\n`).join(''));
    else call.stdout.write(table(reply.containers, await podsById(call), call));
  },
};

async function podsById(call: Call): Promise<ReadonlyMap<string, PodSandbox>> {
  const { items } = await call.client.call(RuntimeService.listPodSandbox, {}, call.timeoutMs);
  return new Map(items.map((pod) => [pod.id, pod]));
}

function table(containers: readonly Container[], pods: ReadonlyMap<string, PodSandbox>, call: Call): string {
  const rows = containers.map((container) => [
    shortId(container.id),
    container.image?.userSpecifiedImage || shownImage(container.image?.image ?? ''),
    age(container.createdAt, call.nowMs),
    STATES[container.state] ?? String(container.state),
    container.metadata?.name ?? '',
    String(container.metadata?.attempt ?? 0),
    shortId(container.podSandboxId),
    pods.get(container.podSandboxId)?.metadata?.name ?? '',
  ]);
  return renderTable(['CONTAINER', 'IMAGE', 'AGE', 'STATE', 'NAME', 'ATTEMPT', 'POD ID', 'POD'], rows);
}

/** The kubelet asks by image id, which is too wide for a table. */
function shownImage(image: string): string {
  return image.startsWith('sha256:') ? shortId(image) : image;
}
