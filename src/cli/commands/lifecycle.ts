import { RuntimeService } from '../../cri/generated/cri.js';
import { printJson, type Call, type Command } from '../command.ts';
import { readContainerConfig, readPodConfig } from '../request-file.ts';
import { toJson } from '../to-json.ts';

const DEFAULT_GRACE_SECONDS = 10;

export const runp: Command = {
  name: 'runp',
  words: ['POD.json'],
  doc: 'Run a pod, without containers yet, and print its id.',
  options: { runtime: { type: 'string', value: 'HANDLER', doc: 'The runtime handler. Default: the default one.' } },
  async run(call) {
    const [file = ''] = call.words;
    const request = { config: readPodConfig(file), runtimeHandler: call.options.text('runtime') ?? '' };
    const reply = await call.client.call(RuntimeService.runPodSandbox, request, call.timeoutMs);
    if (call.json) printJson(call, toJson(reply));
    else call.stdout.write(`${reply.podSandboxId}\n`);
  },
};

export const create: Command = {
  name: 'create',
  words: ['POD-ID', 'CONTAINER.json', 'POD.json'],
  doc: 'Create a container in a pod and print its id; the image must be there.',
  options: {},
  async run(call) {
    const [podSandboxId = '', containerFile = '', podFile = ''] = call.words;
    const request = {
      podSandboxId,
      config: readContainerConfig(containerFile),
      sandboxConfig: readPodConfig(podFile),
    };
    const reply = await call.client.call(RuntimeService.createContainer, request, call.timeoutMs);
    if (call.json) printJson(call, toJson(reply));
    else call.stdout.write(`${reply.containerId}\n`);
  },
};

export const start: Command = {
  name: 'start',
  words: ['ID...'],
  doc: 'Start containers.',
  options: {},
  run: (call) =>
    forEach(call, 'started', (containerId) =>
      call.client.call(RuntimeService.startContainer, { containerId }, call.timeoutMs),
    ),
};

export const stop: Command = {
  name: 'stop',
  words: ['ID...'],
  doc: 'Stop containers.',
  options: {
    grace: {
      type: 'string',
      value: 'SECONDS',
      doc: `Between the stop signal and SIGKILL. Default: ${DEFAULT_GRACE_SECONDS}.`,
    },
  },
  run(call) {
    const grace = call.options.count('grace') ?? DEFAULT_GRACE_SECONDS;
    // The time for the call starts when the grace is over.
    const timeoutMs = call.timeoutMs === 0 ? 0 : call.timeoutMs + grace * 1000;
    return forEach(call, 'stopped', async (containerId) => {
      await knownContainer(call, containerId);
      await call.client.call(RuntimeService.stopContainer, { containerId, timeout: grace }, timeoutMs);
    });
  },
};

export const rm: Command = {
  name: 'rm',
  words: ['ID...'],
  doc: 'Remove containers, running ones too.',
  options: {},
  run: (call) =>
    forEach(call, 'removed', async (containerId) => {
      await knownContainer(call, containerId);
      await call.client.call(RuntimeService.removeContainer, { containerId }, call.timeoutMs);
    }),
};

export const stopp: Command = {
  name: 'stopp',
  words: ['POD-ID...'],
  doc: 'Stop pods and all that runs in them.',
  options: {},
  run: (call) =>
    forEach(call, 'stopped', async (podSandboxId) => {
      await knownPod(call, podSandboxId);
      await call.client.call(RuntimeService.stopPodSandbox, { podSandboxId }, call.timeoutMs);
    }),
};

export const rmp: Command = {
  name: 'rmp',
  words: ['POD-ID...'],
  doc: 'Remove pods with their containers, running ones too.',
  options: {},
  run: (call) =>
    forEach(call, 'removed', async (podSandboxId) => {
      await knownPod(call, podSandboxId);
      await call.client.call(RuntimeService.removePodSandbox, { podSandboxId }, call.timeoutMs);
    }),
};

/** To stop or remove what there is not succeeds, as the kubelet wants it; a person has mistyped and must be told. */
async function knownContainer(call: Call, containerId: string): Promise<void> {
  await call.client.call(RuntimeService.containerStatus, { containerId, verbose: false }, call.timeoutMs);
}

async function knownPod(call: Call, podSandboxId: string): Promise<void> {
  await call.client.call(RuntimeService.podSandboxStatus, { podSandboxId, verbose: false }, call.timeoutMs);
}

/** One after the other; the first failure ends it. Each id is printed when it is done. */
async function forEach(call: Call, done: string, act: (id: string) => Promise<unknown>): Promise<void> {
  for (const id of call.words) {
    await act(id);
    if (!call.json) call.stdout.write(`${id}\n`);
  }
  if (call.json) printJson(call, { [done]: call.words });
}
