import { PodSandboxState, RuntimeService, type PodSandbox } from '../../cri/generated/cri.js';
import { printJson, type Call, type Command } from '../command.ts';
import { age, shortId } from '../format.ts';
import { renderTable } from '../table.ts';
import { toJson } from '../to-json.ts';
import { LABEL_OPTION, QUIET_OPTION } from './shared.ts';

export const pods: Command = {
  name: 'pods',
  words: [],
  doc: 'List pods.',
  options: { quiet: QUIET_OPTION, label: LABEL_OPTION },
  async run(call) {
    const filter = { labelSelector: call.options.pairs('label') };
    const reply = await call.client.call(RuntimeService.listPodSandbox, { filter }, call.timeoutMs);
    if (call.json) printJson(call, toJson(reply));
    else if (call.options.flag('quiet')) call.stdout.write(reply.items.map((pod) => `${pod.id}\n`).join(''));
    else call.stdout.write(table(reply.items, call));
  },
};

function table(items: readonly PodSandbox[], call: Call): string {
  const rows = items.map((pod) => [
    shortId(pod.id),
    age(pod.createdAt, call.nowMs),
    pod.state === PodSandboxState.SANDBOX_READY ? 'Ready' : 'NotReady',
    pod.metadata?.name ?? '',
    pod.metadata?.namespace ?? '',
    String(pod.metadata?.attempt ?? 0),
    pod.runtimeHandler === '' ? '(default)' : pod.runtimeHandler,
  ]);
  return renderTable(['POD ID', 'AGE', 'STATE', 'NAME', 'NAMESPACE', 'ATTEMPT', 'RUNTIME'], rows);
}
